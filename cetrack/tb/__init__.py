"""What TensorBoard understands: names, event files, hyper-parameters, cards."""
