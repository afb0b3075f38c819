"""Pure numpy work on rewards: transforms, combinations, group statistics, placement, advantages, diagnosis.

Values are float64 arrays with NaN for "not scored"; ``groups`` are integers that samples of one prompt share. Nothing here
knows of batches or rewards, keeps state or reads a file: what changes in training is a plain dict that goes in and comes out.
"""
