"""What users of hyperopt see: fmin, Trials, SparkTrials, and the shim behind hyperopt."""
