"""An OCI image layout, with the media types of OCI or of Docker.

What must stay true: descriptors have the sizes and digests of what lies there; nothing has a time of today.
"""

import hashlib
import json
import os

OCI = {
    "manifest": "application/vnd.oci.image.manifest.v1+json",
    "index": "application/vnd.oci.image.index.v1+json",
    "config": "application/vnd.oci.image.config.v1+json",
    "layer": "application/vnd.oci.image.layer.v1.tar+gzip",
}
DOCKER = {
    "manifest": "application/vnd.docker.distribution.manifest.v2+json",
    "index": "application/vnd.docker.distribution.manifest.list.v2+json",
    "config": "application/vnd.docker.container.image.v1+json",
    "layer": "application/vnd.docker.image.rootfs.diff.tar.gzip",
}
FAMILIES = {"oci": OCI, "docker": DOCKER}
CREATED = "2024-01-01T00:00:00Z"
RUN = {
    "Env": [
        "LANG=en_US.UTF-8",
        "TZ=:/etc/localtime",
        "PATH=/var/lang/bin:/usr/local/bin:/usr/bin/:/bin:/opt/bin",
        "LD_LIBRARY_PATH=/var/lang/lib:/lib64:/usr/lib64:/var/runtime:/var/runtime/lib:/var/task:/var/task/lib:/opt/lib",
        "LAMBDA_TASK_ROOT=/var/task",
        "LAMBDA_RUNTIME_DIR=/var/runtime",
    ],
    "Entrypoint": ["/lambda-entrypoint.sh"],
    "WorkingDir": "/var/task",
}
# As Docker's official images of Python run.
OWN = {"Env": ["PATH=/usr/local/bin:/usr/bin:/bin", "LD_LIBRARY_PATH=/usr/local/lib"], "Cmd": ["python3"]}


class Layout:
    """A layout that is being written into a folder."""

    def __init__(self, folder, family):
        self.folder, self.types = folder, FAMILIES[family]
        self.has_history = family == "oci"
        (folder / "blobs/sha256").mkdir(parents=True)
        (folder / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')

    def image(self, layers, architecture, kept, run):
        """Writes the manifest of layers that lie in the folder `kept`; its descriptor."""
        for layer in layers:
            digest = layer["digest"].removeprefix("sha256:")
            os.link(kept / digest, self.folder / "blobs/sha256" / digest)
        config = {
            "architecture": architecture,
            "os": "linux",
            "created": CREATED,
            "config": run,
            "rootfs": {"type": "layers", "diff_ids": [layer["diff_id"] for layer in layers]},
            # AWS's base images have had a null here; others have an entry for each layer.
            "history": [{"created": CREATED, "created_by": "stand-in"} for _ in layers] if self.has_history else None,
        }
        described = [
            {"mediaType": self.types["layer"], "digest": layer["digest"], "size": layer["size"]} for layer in layers
        ]
        made = self.manifest(config, self.types, described)
        return made | {"platform": {"architecture": architecture, "os": "linux"}}

    def attestation(self, image):
        """Writes what BuildKit writes beside an image, for a platform that is none, and always with OCI's types."""
        statement = {"_type": "https://in-toto.io/Statement/v0.1", "predicateType": "https://slsa.dev/provenance/v0.2"}
        layer = self.blob(statement, "application/vnd.in-toto+json")
        rootfs = {"type": "layers", "diff_ids": [layer["digest"]]}
        config = {"architecture": "unknown", "os": "unknown", "config": {}, "rootfs": rootfs}
        made = self.manifest(config, OCI, [layer])
        annotations = {
            "vnd.docker.reference.digest": image["digest"],
            "vnd.docker.reference.type": "attestation-manifest",
        }
        return made | {"annotations": annotations, "platform": {"architecture": "unknown", "os": "unknown"}}

    def manifest(self, config, types, layers):
        config = self.blob(config, types["config"])
        value = {"schemaVersion": 2, "mediaType": types["manifest"], "config": config, "layers": layers}
        return self.blob(value, types["manifest"])

    def index(self, images):
        """Writes an index of several images; its descriptor."""
        value = {"schemaVersion": 2, "mediaType": self.types["index"], "manifests": images}
        return self.blob(value, self.types["index"])

    def blob(self, value, media_type):
        written = json.dumps(value, separators=(",", ":")).encode()
        digest = hashlib.sha256(written).hexdigest()
        (self.folder / "blobs/sha256" / digest).write_bytes(written)
        return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(written)}

    def finish(self, descriptor):
        """Names what the layout is of."""
        named = descriptor | {"annotations": {"org.opencontainers.image.ref.name": "latest"}}
        (self.folder / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [named]}))
