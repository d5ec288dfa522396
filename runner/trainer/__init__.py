"""Fine-tunes and serves a chat model: what the five children of the fine-tune component do, as programs.

Nothing imports this package. It is started, one process for each child job:

    python -m runner.trainer validate|import_model|preprocess|finetune|convert SPEC.json
    python -m runner.trainer serve --model FOLDER
"""
