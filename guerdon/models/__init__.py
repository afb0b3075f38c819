"""What a reward may consult: encoders, causal language models, chat models, reward models. Descriptions first, weights later."""
