"""compile, fit and evaluate of models with several outputs: recorded in the releases, and held against CompiledLoss."""
