"""Places an order over gRPC, and shows that an empty one is invalid."""

import sys

import grpc
from order.v1 import order_pb2, order_service_pb2, order_service_pb2_grpc

with grpc.insecure_channel(sys.argv[1]) as channel:
    orders = order_service_pb2_grpc.OrderServiceStub(channel)
    try:
        orders.CreateOrder(order_service_pb2.CreateOrderRequest(user_id="1"), timeout=10)
    except grpc.RpcError as error:
        print("invalid:", error.code() == grpc.StatusCode.INVALID_ARGUMENT)
    request = order_service_pb2.CreateOrderRequest(user_id="1")
    request.items.add(product_id="102", quantity=1)
    order = orders.CreateOrder(request, timeout=10).order
    print("order:", order_pb2.OrderState.Name(order.state), order.total_price.units)
