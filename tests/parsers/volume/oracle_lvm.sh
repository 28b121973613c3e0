# Builds volume groups inside the libguestfs appliance and prints what its kernel reads back from their volumes.
# Disk a holds a pattern to fill with, b to f are a group of five, g and h are two groups of one. Arguments name the
# volumes of the group of five that are wanted, and shorten what is done to the others; without any, all are.

udevadm control --exit # the rules of each new device take longer than the device; lvm makes its own links
PATTERN=/dev/disk/guestfs/a
export LVM_SYSTEM_DIR=/tmp/lvm
mkdir -p $LVM_SYSTEM_DIR
echo 'global { thin_check_executable = "" cache_check_executable = "" event_activation = 0 use_lvmpolld = 0 }' > $LVM_SYSTEM_DIR/lvm.conf
echo 'activation { udev_sync = 0 udev_rules = 0 monitoring = 0 } backup { backup = 0 archive = 0 }' >> $LVM_SYSTEM_DIR/lvm.conf
for disk in b c d e f g h; do eval on_$disk=$(readlink -f /dev/disk/guestfs/$disk); done
modprobe -a raid0 raid1 raid10 raid456 dm_mod dm_thin_pool dm_raid dm_mirror dm_snapshot dm_cache dm_cache_smq
echo 500000 > /proc/sys/dev/raid/speed_limit_min
wanted=" $* "
skip=1
[ $# = 0 ] && changes=20 chunks=400 top=3000 span=200m || changes=3 chunks=40 top=300 span=40m

fill() { # device: as much of the pattern as fits, from another place each time
    size=$(blockdev --getsize64 "$1")
    dd if=$PATTERN of="$1" bs=64k skip=$skip count=$(( (size + 65535) / 65536 )) conv=fsync status=none
    skip=$(((skip + 37) % 320)) # so that the longest still finds enough
}

digest() { sha256sum "$1" | cut -d' ' -f1; }

lv() { # name lvcreate arguments
    name=$1; shift
    case "$wanted" in "  " | *" $name "*) ;; *) return 1 ;; esac
    lvm lvcreate -q -y -Wn -Zn -n $name "$@" > /tmp/lv.log 2>&1 || { echo "FAIL $name"; cat /tmp/lv.log; return 1; }
}

synced() {
    for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
        p=$(lvm lvs --noheadings -o sync_percent $1 2>/dev/null | tr -d ' ')
        [ "$p" = "100.00" ] && return
        sleep 0.5
    done
    echo "FAIL $1 is not in sync: $p"
}

tell() { echo "LV $1 $(blockdev --getsize64 /dev/$1) $(digest /dev/$1)"; }

lvm pvcreate -q -y $on_b $on_c $on_d $on_e $on_f
lvm vgcreate -q -s 1m vg0 $on_b $on_c $on_d $on_e $on_f
lv linear -l 9 vg0 $on_b && {
    lvm lvcreate -q -y -Wn -Zn -n spacer -l 3 vg0 $on_b
    lvm lvextend -q -l +4 vg0/linear $on_c
    lvm lvextend -q -l +2 vg0/linear $on_b
}
lv striped -l 12 --type striped -i 3 -I 16k vg0
lv oldmirror -l 4 --type mirror -m 1 --mirrorlog core vg0
lv logmirror -l 4 --type mirror -m 1 --mirrorlog disk vg0
for t in raid0 raid0_meta; do lv $t -l 9 --type $t -i 3 -I 64k vg0; done
lv raid1 -l 4 --type raid1 -m 2 vg0
lv raid10 -l 6 --type raid10 -i 2 -m 1 -I 64k vg0
lv raid4 -l 6 --type raid4 -i 3 -I 64k vg0
for t in raid5 raid5_la raid5_ra raid5_ls raid5_rs raid5_n; do lv $t -l 9 --type $t -i 3 -I 64k vg0; done
for t in raid6 raid6_zr raid6_nr raid6_nc raid6_ls_6 raid6_rs_6 raid6_la_6 raid6_ra_6 raid6_n_6; do lv $t -l 9 --type $t -i 3 -I 64k vg0; done
for v in $(lvm lvs --noheadings -o lv_name vg0); do
    case $v in raid0*) ;; raid*|*mirror) synced vg0/$v ;; esac
    fill /dev/vg0/$v
done
lv origin -l 4 vg0 && {
    fill /dev/vg0/origin
    lvm lvcreate -q -y -s -n oldsnap -l 3 vg0/origin
    dd if=$PATTERN of=/dev/vg0/origin bs=64k skip=500 count=3 conv=fsync,notrunc status=none
}
lv slow -l 4 vg0 && {
    fill /dev/vg0/slow
    lvm lvcreate -q -y --type cache-pool -n fast -L 8m vg0 > /dev/null
    lvm lvconvert -q -y --type cache --cachepool vg0/fast --cachemode writethrough vg0/slow > /tmp/lv.log 2>&1 || { echo "FAIL slow"; cat /tmp/lv.log; }
}
sync; echo 3 > /proc/sys/vm/drop_caches
for v in $(lvm lvs --noheadings -o lv_name vg0); do tell vg0/$v; done
lvm lvs -a -o lv_name,segtype,devices vg0

# a group whose names hold dashes, on a small ring buffer that was written round several times, with two copies
lvm pvcreate -q -y --metadatasize 28k --pvmetadatacopies 2 --labelsector 3 $on_g
lvm vgcreate -q -s 1m --addtag '@one' v-2 $on_g
wanted="  "
lv lo-gi -l 4 v-2
fill /dev/v-2/lo-gi
for i in $(seq $changes); do lvm lvchange -q --addtag t$i v-2/lo-gi; done
tell v-2/lo-gi

# thin pools: a pool of 64 KiB chunks with enough mappings for several levels, shared by a snapshot; one of 192 KiB chunks
lvm pvcreate -q -y $on_h
lvm vgcreate -q -s 1m thin $on_h
lvm lvcreate -q -y --type thin-pool -c 64k -L 96m --poolmetadatasize 4m -Zy -n pool thin
lvm lvcreate -q -y --type thin-pool -c 192k -L 24m --poolmetadatasize 4m -Zn -n odd thin
lvm lvcreate -q -y -Wn -V $span --thinpool pool -n t1 thin
lvm lvcreate -q -y -Wn -V 10m --thinpool odd -n t3 thin
lvm lvcreate -q -y -Wn -V 30m --thinpool pool -n empty thin
fill /dev/thin/t3
n=0
while [ $n -lt $chunks ]; do # every third chunk, in falling order
    dd if=$PATTERN of=/dev/thin/t1 bs=64k skip=$n seek=$((top - n * 3)) count=1 conv=notrunc status=none
    n=$((n + 1))
done
sync
lvm lvcreate -q -y -kn -s -n snap thin/t1
dd if=$PATTERN of=/dev/thin/t1 bs=4k skip=9 seek=$((top * 40 / 3)) count=2000 conv=fsync,notrunc status=none
dd if=$PATTERN of=/dev/thin/snap bs=4k skip=77 seek=$((top * 10 + 1)) count=301 conv=fsync,notrunc status=none
lvm lvcreate -q -y -Wn -V 8m --thinpool pool -n late thin
fill /dev/thin/late
lvm lvremove -q -y thin/empty
sync; echo 3 > /proc/sys/vm/drop_caches
for v in t1 t3 snap late; do tell thin/$v; done
lvm vgchange -q -an
sync
