# Builds md arrays of every level inside the libguestfs appliance and prints what its kernel reads back from them.
# Disk a holds a pattern to fill with, disk m the members in slots of 24 MiB. Arguments name the arrays that are wanted;
# without any, all are.

PATTERN=/dev/disk/guestfs/a
SLOT=49152 # sectors
modprobe -a raid1 raid10 raid456 linear dm_mod
modprobe -r raid0
modprobe raid0 default_layout=2
echo 500000 > /proc/sys/dev/raid/speed_limit_min
wanted=" $* "
slot=0
skip=1

fill() { # device: as much of the pattern as fits, from another place each time
    size=$(blockdev --getsize64 "$1")
    dd if=$PATTERN of="$1" bs=64k skip=$skip count=$(( (size + 65535) / 65536 )) conv=fsync status=none
    skip=$(((skip + 37) % 320)) # so that the longest still finds enough
}

digest() { sha256sum "$1" | cut -d' ' -f1; }

md() { # name "sizes in sectors" mdadm arguments
    name=$1 sizes=$2; shift 2
    case "$wanted" in "  " | *" $name "*) ;; *) slot=$((slot + $(echo $sizes | wc -w))); return ;; esac
    members= slots= count=0
    for sectors in $sizes; do
        dmsetup create m$slot --table "0 $sectors linear /dev/disk/guestfs/m $((slot * SLOT))"
        members="$members /dev/mapper/m$slot" slots="$slots $slot:$sectors"
        slot=$((slot + 1)) count=$((count + 1))
    done
    udevadm settle
    yes | mdadm --create /dev/md/$name --name=$name --homehost=any --run --force --raid-devices=$count "$@" $members > /tmp/md.log 2>&1 || { echo "FAIL $name"; cat /tmp/md.log; return; }
    mdadm --wait /dev/md/$name
    fill /dev/md/$name
    mdadm --wait /dev/md/$name
    sync; echo 3 > /proc/sys/vm/drop_caches
    [ $name != stale ] || { mdadm /dev/md/$name --fail /dev/mapper/m$((slot - 1)); fill /dev/md/$name; }
    echo "MD $name $(blockdev --getsize64 /dev/md/$name) $(digest /dev/md/$name)$slots"
    mdadm --detail --export /dev/md/$name | sed "s/^/DETAIL $name /"
    mdadm --stop /dev/md/$name > /dev/null 2>&1 || { sleep 1; mdadm --stop /dev/md/$name; }
}

E="20480"
md lin12 "20480 30720 24576" --level=linear --metadata=1.2
md lin09 "20480 30720 24576" --level=linear --metadata=0.90 --rounding=64
md r0e "$E $E $E" --level=0 --chunk=64 --metadata=1.2
md r0orig "20480 30720 40960" --level=0 --chunk=64 --metadata=1.2 --layout=original
md r0alt "20480 30720 40960" --level=0 --chunk=64 --metadata=1.2 --layout=alternate
for v in 0.90 1.0 1.1 1.2; do md r1v$v "$E 22528" --level=1 --metadata=$v --bitmap=none; done
for l in n2 f2 o2; do
    md r10${l}x4 "$E $E $E $E" --level=10 --chunk=64 --layout=$l --bitmap=none
    md r10${l}x3 "$E $E $E" --level=10 --chunk=64 --layout=$l --bitmap=none
done
md r10n3x4 "$E $E $E $E" --level=10 --chunk=64 --layout=n3
md r10f3x5 "$E $E $E $E $E" --level=10 --chunk=64 --layout=f3
md r10o3x5 "$E $E $E $E $E" --level=10 --chunk=64 --layout=o3
md r4 "$E $E $E" --level=4 --chunk=64
md r5v09 "$E $E $E" --level=5 --chunk=64 --metadata=0.90
for l in left-asymmetric right-asymmetric left-symmetric right-symmetric parity-first parity-last; do
    md r5$l "$E $E $E $E" --level=5 --chunk=64 --layout=$l
    md r6$l "$E $E $E $E $E" --level=6 --chunk=64 --layout=$l --assume-clean
done
for l in ddf-zero-restart ddf-N-restart ddf-N-continue left-asymmetric-6 right-asymmetric-6 left-symmetric-6 right-symmetric-6 parity-first-6; do
    md r6$l "$E $E $E $E $E" --level=6 --chunk=64 --layout=$l --assume-clean
done
# a member that fell behind: the array was written without it
md stale "$E $E" --level=1 --metadata=1.2 --bitmap=none
sync
