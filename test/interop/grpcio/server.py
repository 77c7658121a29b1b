"""gRPC's TestService on grpcio. Prints the port that it serves on."""

import sys
import time
from concurrent import futures

import grpc
from contract import INITIAL, TRAILING, Contract

CODES = {code.value[0]: code for code in grpc.StatusCode}


def main(contract_path, compression):
    contract = Contract(contract_path)
    server = grpc.server(
        futures.ThreadPoolExecutor(max_workers=64),
        # With the argument `gzip` it compresses every response, whether or not the client accepts gzip.
        compression=grpc.Compression.Gzip if compression == "gzip" else None,
    )
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler("grpc.testing.TestService", handlers(contract)),)
    )
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(port, flush=True)
    server.wait_for_termination()


def handlers(contract):
    service = Service(contract)
    found = {}
    for method in contract.methods:
        behaviour = getattr(service, method.name, None)
        if behaviour is None:
            continue
        request, response = contract.of(method)
        kind = ("stream" if method.client_streaming else "unary") + "_" + (
            "stream" if method.server_streaming else "unary"
        )
        make = getattr(grpc, kind + "_rpc_method_handler")
        found[method.name] = make(
            behaviour, request_deserializer=request.FromString, response_serializer=response.SerializeToString
        )
    return found


class Service:
    def __init__(self, contract):
        self._contract = contract

    def EmptyCall(self, request, context):
        return self._contract.message("Empty")()

    def UnaryCall(self, request, context):
        echo_metadata(context)
        abort_as_asked(request, context)
        return self._contract.message("SimpleResponse")(payload=self._contract.payload(request.response_size))

    def StreamingOutputCall(self, request, context):
        echo_metadata(context)
        abort_as_asked(request, context)
        yield from self._responses(request)

    def StreamingInputCall(self, requests, context):
        size = sum(len(request.payload.body) for request in requests)
        return self._contract.message("StreamingInputCallResponse")(aggregated_payload_size=size)

    def FullDuplexCall(self, requests, context):
        echo_metadata(context)
        for request in requests:
            abort_as_asked(request, context)
            yield from self._responses(request)

    def _responses(self, request):
        response = self._contract.message("StreamingOutputCallResponse")
        for parameters in request.response_parameters:
            time.sleep(parameters.interval_us / 1e6)
            yield response(payload=self._contract.payload(parameters.size))


def echo_metadata(context):
    metadata = dict(context.invocation_metadata())
    if INITIAL in metadata:
        context.send_initial_metadata(((INITIAL, metadata[INITIAL]),))
    if TRAILING in metadata:
        context.set_trailing_metadata(((TRAILING, metadata[TRAILING]),))


def abort_as_asked(request, context):
    if request.response_status.code != 0:
        context.abort(CODES[request.response_status.code], request.response_status.message)


main(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "")
