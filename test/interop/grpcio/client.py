"""The cases of gRPC's interop tests, and some of our own, as a client on grpcio.

client.py CONTRACT ADDRESS SOAK_ITERATIONS CASE...  prints a line for each case: its name, and "ok" or what went wrong.
client.py CONTRACT ADDRESS unknown /service/Method  prints the status code of a call that no server serves.
"""

import sys
import threading
import traceback

import grpc
from contract import INITIAL, TRAILING, Contract

SPECIAL_MESSAGE = "\t\ntest with whitespace\r\nand Unicode BMP ☺ and non-BMP 😈\t\n"
LARGE_REQUEST, LARGE_RESPONSE = 271828, 314159


class Client:
    """A channel with a callable for each method of the contract, by its name."""

    def __init__(self, contract, address, **options):
        self.contract = contract
        self.channel = grpc.insecure_channel(address, **options)
        for method in contract.methods:
            request, response = contract.of(method)
            kind = ("stream" if method.client_streaming else "unary") + "_" + (
                "stream" if method.server_streaming else "unary"
            )
            call = getattr(self.channel, kind)(
                "/grpc.testing.TestService/" + method.name,
                request_serializer=request.SerializeToString,
                response_deserializer=response.FromString,
            )
            setattr(self, method.name, call)

    def simple(self, size=0, payload=0, **fields):
        contract = self.contract
        return contract.message("SimpleRequest")(response_size=size, payload=contract.payload(payload), **fields)

    def output(self, *sizes, payload=0, **fields):
        contract = self.contract
        return contract.message("StreamingOutputCallRequest")(
            response_parameters=contract.parameters(*sizes), payload=contract.payload(payload), **fields
        )

    def status(self, code, message):
        return self.contract.message("EchoStatus")(code=code, message=message)


def empty_unary(client, _):
    client.EmptyCall(client.contract.message("Empty")(), timeout=30)


def large_unary(client, _):
    answer = client.UnaryCall(client.simple(LARGE_RESPONSE, LARGE_REQUEST), timeout=30)
    expect(len(answer.payload.body), LARGE_RESPONSE)


def client_streaming(client, _):
    request = client.contract.message("StreamingInputCallRequest")
    requests = (request(payload=client.contract.payload(size)) for size in (27182, 8, 1828, 45904))
    expect(client.StreamingInputCall(requests, timeout=30).aggregated_payload_size, 74922)


def server_streaming(client, _):
    sizes = [31415, 9, 2653, 58979]
    answers = client.StreamingOutputCall(client.output(*sizes), timeout=30)
    expect([len(answer.payload.body) for answer in answers], sizes)


def ping_pong(client, _):
    pong(client, [(27182, 31415), (8, 9), (1828, 2653), (45904, 58979)])


def pong(client, sizes):
    """Sends a request only once the request before is answered."""
    answered = threading.Semaphore(1)

    def requests():
        for payload, size in sizes:
            answered.acquire()
            yield client.output(size, payload=payload)

    got = []
    for answer in client.FullDuplexCall(requests(), timeout=60):
        got.append(len(answer.payload.body))
        answered.release()
    expect(got, [size for _, size in sizes])


def empty_stream(client, _):
    expect(list(client.FullDuplexCall(iter(()), timeout=30)), [])


def status_code_and_message(client, _):
    fails_with(client, grpc.StatusCode.UNKNOWN, "test status message")


def special_status_message(client, _):
    request = client.simple(response_status=client.status(2, SPECIAL_MESSAGE))
    expect_error(lambda: client.UnaryCall(request, timeout=30), grpc.StatusCode.UNKNOWN, SPECIAL_MESSAGE)


def all_status_codes(client, _):
    for code in grpc.StatusCode:
        if code is not grpc.StatusCode.OK:
            fails_with(client, code, "code " + code.name)


def fails_with(client, code, message):
    """Unary, and streams before and after the first answer."""
    status = client.status(code.value[0], message)
    last = client.output(response_status=status)
    expect_error(lambda: client.UnaryCall(client.simple(response_status=status), timeout=30), code, message)
    expect_error(lambda: list(client.StreamingOutputCall(last, timeout=30)), code, message)
    expect_error(lambda: list(client.FullDuplexCall(iter([last]), timeout=30)), code, message)
    expect_error(lambda: list(client.FullDuplexCall(iter([client.output(9), last]), timeout=30)), code, message)


def unimplemented_method(client, _):
    empty = client.contract.message("Empty")()
    expect_error(lambda: client.UnimplementedCall(empty, timeout=30), grpc.StatusCode.UNIMPLEMENTED)


def unimplemented_service(client, _):
    expect(unknown_code(client.channel, "/grpc.testing.UnimplementedService/UnimplementedCall"), "UNIMPLEMENTED")


def custom_metadata(client, _):
    sent = ((INITIAL, "test_initial_metadata_value"), (TRAILING, b"\xab\xab\xab"))
    _, call = client.UnaryCall.with_call(client.simple(LARGE_RESPONSE, LARGE_REQUEST), metadata=sent, timeout=30)
    expect_metadata(call)
    stream = client.FullDuplexCall(iter([client.output(LARGE_RESPONSE)]), metadata=sent, timeout=30)
    expect(len(list(stream)), 1)
    expect_metadata(stream)


def expect_metadata(call):
    expect(dict(call.initial_metadata()).get(INITIAL), "test_initial_metadata_value")
    expect(dict(call.trailing_metadata()).get(TRAILING), b"\xab\xab\xab")


def cancel_after_begin(client, _):
    waits = threading.Event()
    call = client.StreamingInputCall.future((waits.wait() for _ in range(1)))
    call.cancel()
    waits.set()
    expect(call.cancelled(), True)
    expect(call.code(), grpc.StatusCode.CANCELLED)


def cancel_after_first_response(client, _):
    waits = threading.Event()

    def requests():
        yield client.output(31415, payload=27182)
        waits.wait()

    call = client.FullDuplexCall(requests())
    expect(len(next(call).payload.body), 31415)
    call.cancel()
    expect_error(lambda: next(call), grpc.StatusCode.CANCELLED)
    waits.set()


def timeout_on_sleeping_server(client, _):
    waits = threading.Event()

    def requests():
        yield client.output(payload=27182)
        waits.wait()

    expect_error(lambda: list(client.FullDuplexCall(requests(), timeout=0.001)), grpc.StatusCode.DEADLINE_EXCEEDED)
    waits.set()


def gzip(client, _):
    """Requests are compressed, answers come compressed, and the payloads are right."""
    for compression in (grpc.Compression.Gzip, None):
        answer = client.UnaryCall(client.simple(LARGE_RESPONSE, LARGE_REQUEST), compression=compression, timeout=30)
        expect(len(answer.payload.body), LARGE_RESPONSE)
        requests = iter([client.output(31415, payload=27182), client.output(9, 58979)])
        answers = client.FullDuplexCall(requests, compression=compression, timeout=30)
        expect([len(each.payload.body) for each in answers], [31415, 9, 58979])


def concurrent_streams(client, _):
    """50 bidirectional streams at once on one connection, each with 20 turns."""
    problems = []

    def one(index):
        try:
            pong(client, [(index * 100 + turn, index * 50 + turn * 7) for turn in range(20)])
        except Exception as error:
            problems.append(error)

    threads = [threading.Thread(target=one, args=(index,)) for index in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if problems:
        raise problems[0]


def rpc_soak(client, iterations):
    for _ in range(iterations):
        large_unary(client, iterations)


def channel_soak(client, iterations):
    for _ in range(iterations):
        # Without this grpcio's channels share one connection.
        fresh = Client(client.contract, client.address, options=(("grpc.use_local_subchannel_pool", 1),))
        large_unary(fresh, iterations)
        fresh.channel.close()


def expect(actual, expected):
    if actual != expected:
        raise AssertionError("expected %r, got %r" % (expected, actual))


def expect_error(call, code, message=None):
    try:
        call()
    except grpc.RpcError as error:
        expect(error.code(), code)
        if message is not None:
            expect(error.details(), message)
        return
    raise AssertionError("expected %s, got OK" % code)


def unknown_code(channel, method):
    try:
        channel.unary_unary(method)(b"", timeout=30)
    except grpc.RpcError as error:
        return error.code().name
    return "OK"


def main(contract_path, address, *rest):
    client = Client(Contract(contract_path), address)
    client.address = address
    if rest[0] == "unknown":
        print(unknown_code(client.channel, rest[1]))
        return
    for name in rest[1:]:
        try:
            globals()[name](client, int(rest[0]))
            print(name, "ok", flush=True)
        except Exception as error:
            print(name, " ".join(traceback.format_exception_only(error)).replace("\n", " "), flush=True)


main(*sys.argv[1:])
