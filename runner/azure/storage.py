"""Files into the workspace's default datastore, with our own blob client.

The SDK's own upload hangs on one refused file and follows symlinks out of the tree; this sends exactly the
file it was given.
"""

from pathlib import Path

from azure.ai.ml import MLClient
from azure.ai.ml.entities import AccountKeyConfiguration, AzureBlobDatastore, SasTokenConfiguration
from azure.core.credentials import TokenCredential
from azure.core.exceptions import ResourceExistsError
from azure.storage.blob import BlobClient, BlobServiceClient

from runner.azure.translate import translated
from runner.redact import register


class Storage:
    """The default datastore of one workspace."""

    def __init__(self, workspace: MLClient, credential: TokenCredential) -> None:
        self._workspace = workspace
        self._credential = credential

    def upload(self, local: Path, blob_path: str) -> str:
        """Send a file and give its datastore URI. The path holds the content's digest: twice is once.

        A blob that is there with another length was cut off on its way and is sent again.
        """
        with translated(f"uploading {local.name}"):
            datastore = self._workspace.datastores.get_default(include_secrets=True)
            blob = _service(datastore, self._credential).get_blob_client(datastore.container_name, blob_path)
            _send(blob, local)
        return f"azureml://datastores/{datastore.name}/paths/{blob_path}"


def _send(blob: BlobClient, local: Path) -> None:
    size = local.stat().st_size
    with local.open("rb") as stream:
        try:
            blob.upload_blob(stream, length=size, overwrite=False)
        except ResourceExistsError:
            if blob.get_blob_properties().size != size:
                stream.seek(0)
                blob.upload_blob(stream, length=size, overwrite=True)


def _service(datastore: AzureBlobDatastore, credential: TokenCredential) -> BlobServiceClient:
    url = f"{datastore.protocol}://{datastore.account_name}.blob.{datastore.endpoint}"
    secret = datastore.credentials
    if isinstance(secret, SasTokenConfiguration):
        return BlobServiceClient(url, credential=register(str(secret.sas_token)))
    if isinstance(secret, AccountKeyConfiguration):
        key = register(str(secret.account_key))
        return BlobServiceClient(url, credential={"account_name": datastore.account_name, "account_key": key})
    return BlobServiceClient(url, credential=credential)
