"""The tests of guerdon, floor by floor."""
