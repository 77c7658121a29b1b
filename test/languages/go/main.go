// Validates a request with protovalidate and Parley's rules, then places an order over gRPC.
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"time"

	"buf.build/go/protovalidate"
	orderv1 "example.com/shop/gen/order/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

func main() {
	noUnits := &orderv1.CreateOrderRequest{UserId: "1", Items: []*orderv1.CreateOrderItem{{ProductId: "102"}}}
	fmt.Println("invalid:", protovalidate.Validate(noUnits) != nil)

	connection, err := grpc.NewClient(os.Args[1], grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		log.Fatal(err)
	}
	defer connection.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()

	request := &orderv1.CreateOrderRequest{
		UserId: "1",
		Items:  []*orderv1.CreateOrderItem{{ProductId: "102", Quantity: 1}},
	}
	if err := protovalidate.Validate(request); err != nil {
		log.Fatal(err)
	}
	response, err := orderv1.NewOrderServiceClient(connection).CreateOrder(ctx, request)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("order:", response.GetOrder().GetState(), response.GetOrder().GetTotalPrice().GetUnits())
}
