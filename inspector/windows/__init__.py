"""What a Windows guest does with its files beyond what one parser tells: drive letters, hives, services."""
