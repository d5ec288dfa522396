"""What the tests of sweeps begin with: a recipe whose points differ in what is added to it."""

RECIPE = """\
version: 1
name: small
model: {name: Phi-4}
compute: {name: gpu, size: Standard_NC24ads_A100_v4, gpus_per_node: 1}
dataset: {path: rows, train: train, test: test}
finetune:
  task: chat_completion
  parameters: {apply_lora: true, max_steps: 1}
register: {name: small-chat}
endpoint: {name: small-chat}
deployment: {name: demo, instance_type: Standard_NC24ads_A100_v4}
traffic: {demo: 100}
sample: {rows: 2, parameters: {do_sample: false, max_new_tokens: 8}}
"""
