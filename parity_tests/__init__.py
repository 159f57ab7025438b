"""What holds torchweights against real Keras: oracles, recorder, and the runs that compare."""
