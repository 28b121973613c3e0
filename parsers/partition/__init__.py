"""Partition tables: `parse_partition_table` finds the one that a disk has and reads it."""

from parsers.partition.disk_label import parse_partition_table
from parsers.partition.table import Flaw, Partition, PartitionTable, Scheme, TableProblem

__all__ = ["Flaw", "Partition", "PartitionTable", "Scheme", "TableProblem", "parse_partition_table"]
