"""What one does with rewards: training runs described by a file, on TRL's trainers."""
