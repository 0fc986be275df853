#!/usr/bin/python3
"""cri.py SOCKET METHOD [REQUEST]: calls a container runtime interface, as the kubelet does.

REQUEST and the answer on standard output are the messages of cri.proto in JSON.
"""

import importlib
import pathlib
import subprocess
import sys
import tempfile

import grpc
from google.protobuf import json_format


def compiled(name, source):
    """The Python module of a .proto file."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["protoc", f"--proto_path={source.parent}", f"--python_out={folder}", source], check=True)
        sys.path.insert(0, folder)
        return importlib.import_module(name)


def main():
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    socket, method, request = sys.argv[1:] + ["{}"] * (4 - len(sys.argv))
    cri = compiled("cri_pb2", pathlib.Path(__file__).resolve().with_name("cri.proto"))
    service = cri.DESCRIPTOR.services_by_name["RuntimeService"]
    description = service.methods_by_name[method]
    message = json_format.Parse(request, getattr(cri, description.input_type.name)())
    with grpc.insecure_channel(f"unix://{socket}") as channel:
        call = channel.unary_unary(
            f"/{service.full_name}/{method}",
            request_serializer=type(message).SerializeToString,
            response_deserializer=getattr(cri, description.output_type.name).FromString,
        )
        try:
            answer = call(message, timeout=60)
        except grpc.RpcError as error:
            sys.exit(f"{method}: {error.code().name}: {error.details()}")
    print(json_format.MessageToJson(answer, indent=None))


main()
