"""One module per method: ``PARTS = {part: function}``, each a single expression that calls guerdon."""
