"""Messages and methods of gRPC's interop contract, from a file of descriptors: no code is generated."""

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

INITIAL = "x-grpc-test-echo-initial"
TRAILING = "x-grpc-test-echo-trailing-bin"


class Contract:
    def __init__(self, path):
        files = descriptor_pb2.FileDescriptorSet()
        with open(path, "rb") as file:
            files.ParseFromString(file.read())
        pool = descriptor_pool.DescriptorPool()
        for each in files.file:
            pool.Add(each)
        self._pool = pool
        self.methods = pool.FindServiceByName("grpc.testing.TestService").methods

    def message(self, name):
        return message_factory.GetMessageClass(self._pool.FindMessageTypeByName("grpc.testing." + name))

    def payload(self, size):
        return self.message("Payload")(body=bytes(size))

    def parameters(self, *sizes):
        return [self.message("ResponseParameters")(size=size) for size in sizes]

    @staticmethod
    def of(method):
        """The classes of a method's request and response."""
        get = message_factory.GetMessageClass
        return get(method.input_type), get(method.output_type)
