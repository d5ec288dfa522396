"""The cells of the fine-tuning notebook in their order, as a user would run them against a real workspace.

It knows nothing of the emulator: sign-in, subscription and workspace come from the environment.
Run as: python notebook_script.py WORK_FOLDER
"""

import ast
import json
import os
import sys
from pathlib import Path
from typing import Any

from azure.ai.ml import Input, MLClient
from azure.ai.ml.constants import AssetTypes
from azure.ai.ml.dsl import pipeline
from azure.ai.ml.entities import (
    AmlCompute,
    ManagedOnlineDeployment,
    ManagedOnlineEndpoint,
    Model,
    OnlineRequestSettings,
    ProbeSettings,
)
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.identity import DefaultAzureCredential

MODEL_NAME = "Phi-3-mini-4k-instruct"
COMPUTE_NAME = "gpu-cluster-big"
COMPUTE_SIZE = "Standard_NC24ads_A100_v4"
ENDPOINT_NAME = "ultrachat-completion-e2e"
RUN_NAME = "notebook-script-run"
QUESTION = "What is the colour of grass?"


def write_rows(folder: Path) -> tuple[Path, Path]:
    """Write the two JSONL files that the notebook makes of its dataset."""
    rows = [
        {"messages": [{"role": "user", "content": QUESTION}, {"role": "assistant", "content": "Green."}]},
        {
            "messages": [
                {"role": "user", "content": "What is two and two?"},
                {"role": "assistant", "content": "Four."},
            ]
        },
    ]
    train, test = folder / "train.jsonl", folder / "test.jsonl"
    train.write_text("".join(json.dumps(row) + "\n" for row in rows * 8), encoding="utf-8")
    test.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return train, test


def main() -> None:  # noqa: PLR0915 - the notebook from top to bottom
    """Run the cells, and leave what they found in result.json."""
    work = Path(sys.argv[1])
    result: dict[str, Any] = {}

    # 1. sign in
    credential = DefaultAzureCredential()
    credential.get_token("https://management.azure.com/.default")
    workspace = MLClient(
        credential,
        os.environ["AZURE_SUBSCRIPTION_ID"],
        os.environ["AZURE_RESOURCE_GROUP"],
        os.environ["AZURE_WORKSPACE_NAME"],
    )
    registry = MLClient(credential, registry_name="azureml")

    # 2. the model, and what its tags say
    foundation_model = registry.models.get(MODEL_NAME, label="latest")
    tags = foundation_model.tags
    allowed = ast.literal_eval(tags["finetune_compute_allow_list"])
    defaults = ast.literal_eval(tags["model_specific_defaults"])
    result["model_id"] = foundation_model.id
    result["allowed"] = allowed

    # 3. compute: get it, or create it
    try:
        compute = workspace.compute.get(COMPUTE_NAME)
    except ResourceNotFoundError:
        wanted = AmlCompute(name=COMPUTE_NAME, size=COMPUTE_SIZE, tier="Dedicated", max_instances=2)
        workspace.compute.begin_create_or_update(wanted).wait()
        compute = workspace.compute.get(COMPUTE_NAME)
    if compute.provisioning_state.lower() == "failed":
        message = f"compute {COMPUTE_NAME} has failed"
        raise ValueError(message)
    if compute.size.lower() not in [size.lower() for size in allowed]:
        message = f"{compute.size} is not in {allowed}"
        raise ValueError(message)
    gpus = next(
        size.gpus for size in workspace.compute.list_sizes() if size.name.lower() == compute.size.lower()
    )
    result["gpus"] = gpus

    # 4. data
    train, test = write_rows(work)

    # 5. the pipeline from the registry's component
    component = registry.components.get(name="chat_completion_pipeline", label="latest")
    parameters = {
        "num_train_epochs": 2,
        "per_device_train_batch_size": 4,
        "per_device_eval_batch_size": 4,
        "learning_rate": 1e-2,
        "lr_scheduler_type": "cosine",
        "logging_steps": 1,
        "apply_lora": defaults["apply_lora"],
        "apply_deepspeed": "false",
    }

    @pipeline(name="fine-tune")  # type: ignore[call-overload,untyped-decorator] # the SDK types it wrongly
    def create_pipeline() -> dict[str, Any]:
        chat = component(
            mlflow_model_path=foundation_model.id,
            compute_model_import=COMPUTE_NAME,
            compute_preprocess=COMPUTE_NAME,
            compute_finetune=COMPUTE_NAME,
            train_file_path=Input(type="uri_file", path=str(train)),
            test_file_path=Input(type="uri_file", path=str(test)),
            number_of_gpu_to_use_finetuning=gpus,
            **parameters,
        )
        return {"trained_model": chat.outputs.mlflow_model_folder}

    pipeline_object = create_pipeline()
    pipeline_object.settings.force_rerun = True
    pipeline_object.settings.continue_on_step_failure = False
    pipeline_object.name = RUN_NAME

    # 6. submit, and watch to the end
    job = workspace.jobs.create_or_update(pipeline_object, experiment_name=f"chat_completion_{MODEL_NAME}")
    workspace.jobs.stream(job.name)
    result["job_status"] = workspace.jobs.get(job.name).status

    # 7. register what came out
    model = workspace.models.create_or_update(
        Model(
            path=f"azureml://jobs/{job.name}/outputs/trained_model",
            name=f"{MODEL_NAME}-e2e",
            type=AssetTypes.MLFLOW_MODEL,
            version="1",
            description="fine-tuned by the notebook's script",
        )
    )
    result["registered"] = model.id

    # 8. endpoint, deployment, traffic
    endpoint = ManagedOnlineEndpoint(
        name=ENDPOINT_NAME, auth_mode="key", description="from the notebook's script"
    )
    workspace.begin_create_or_update(endpoint).wait()
    deployment = ManagedOnlineDeployment(
        name="demo",
        endpoint_name=ENDPOINT_NAME,
        model=model.id,
        instance_type=COMPUTE_SIZE,
        instance_count=1,
        liveness_probe=ProbeSettings(initial_delay=600),
        request_settings=OnlineRequestSettings(request_timeout_ms=90000),
    )
    workspace.online_deployments.begin_create_or_update(deployment).wait()
    endpoint.traffic = {"demo": 100}
    workspace.begin_create_or_update(endpoint).result()
    result["traffic"] = workspace.online_endpoints.get(ENDPOINT_NAME).traffic

    # 9. ask it
    request_file = work / "sample_score.json"
    conversation = [{"role": "user", "content": QUESTION}]
    sampling = {"temperature": 0.6, "top_p": 0.9, "do_sample": True, "max_new_tokens": 16}
    for form, messages in {"flat": conversation, "nested": [conversation]}.items():
        body = {"input_data": {"input_string": messages, "parameters": sampling}, "params": {}}
        request_file.write_text(json.dumps(body), encoding="utf-8")
        try:
            answer = workspace.online_endpoints.invoke(
                endpoint_name=ENDPOINT_NAME, deployment_name="demo", request_file=str(request_file)
            )
            result[form] = json.loads(answer)
        except HttpResponseError as error:
            result[form] = {"error": str(error)}

    # 10. delete the endpoint
    workspace.online_endpoints.begin_delete(name=ENDPOINT_NAME).wait()
    result["endpoints_left"] = [left.name for left in workspace.online_endpoints.list()]
    (work / "result.json").write_text(json.dumps(result, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
