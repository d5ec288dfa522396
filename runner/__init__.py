"""Fine-tune, deploy and score a model on Azure ML from one YAML recipe."""
