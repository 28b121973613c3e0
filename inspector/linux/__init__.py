"""What a Linux guest does with its files beyond what one parser tells: units, programs, log-ins, firewalls."""
