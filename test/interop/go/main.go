// Command grpc-go-peer is the grpc-go side of `npm run interop`: the interop cases of
// google.golang.org/grpc/interop, as a client and as a server, and a call of a method that no server registered.
package main

import (
	"context"
	"flag"
	"fmt"
	"net"
	"os"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/interop"
	testpb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/orca"
	"google.golang.org/grpc/status"
)

var (
	address    = flag.String("address", "", "host:port of the server to call")
	caseName   = flag.String("case", "", "interop case to run against -address; a failed case exits with 1")
	unknown    = flag.String("unknown", "", "full method name to call at -address; prints the status code that came back")
	caFile     = flag.String("ca", "", "PEM file with the certificate authority; with it the connection uses TLS")
	serve      = flag.Bool("serve", false, "serve the TestService on a free port and print the port")
	iterations = flag.Int("soak-iterations", 10, "calls of rpc_soak and channel_soak")
	workers    = flag.Int("soak-workers", 1, "workers of rpc_soak and channel_soak")
)

// A case must end within this time, also on a slow machine.
const caseTimeout = 10 * time.Minute

func main() {
	flag.Parse()
	ctx, cancel := context.WithTimeout(context.Background(), caseTimeout)
	defer cancel()
	switch {
	case *serve:
		serveTestService()
	case *unknown != "":
		callUnknown(ctx, *unknown)
	case *caseName != "":
		runCase(ctx, *caseName)
	default:
		flag.Usage()
		os.Exit(2)
	}
}

func serveTestService() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	exitOn(err)
	recorder := orca.NewServerMetricsRecorder()
	server := grpc.NewServer()
	testpb.RegisterTestServiceServer(server, interop.NewTestServer(interop.NewTestServerOptions{MetricsRecorder: recorder}))
	fmt.Println(listener.Addr().(*net.TCPAddr).Port)
	exitOn(server.Serve(listener))
}

func callUnknown(ctx context.Context, method string) {
	conn, err := dial()
	exitOn(err)
	defer conn.Close()
	var header, trailer = new(testpb.Empty), new(testpb.Empty)
	err = conn.Invoke(ctx, method, header, trailer)
	fmt.Println(status.Code(err), err)
}

func runCase(ctx context.Context, name string) {
	conn, err := dial()
	exitOn(err)
	defer conn.Close()
	client := testpb.NewTestServiceClient(conn)
	cases := map[string]func(){
		"empty_unary":                 func() { interop.DoEmptyUnaryCall(ctx, client) },
		"large_unary":                 func() { interop.DoLargeUnaryCall(ctx, client) },
		"client_streaming":            func() { interop.DoClientStreaming(ctx, client) },
		"server_streaming":            func() { interop.DoServerStreaming(ctx, client) },
		"ping_pong":                   func() { interop.DoPingPong(ctx, client) },
		"empty_stream":                func() { interop.DoEmptyStream(ctx, client) },
		"status_code_and_message":     func() { interop.DoStatusCodeAndMessage(ctx, client) },
		"special_status_message":      func() { interop.DoSpecialStatusMessage(ctx, client) },
		"unimplemented_method":        func() { interop.DoUnimplementedMethod(ctx, conn) },
		"unimplemented_service":       func() { interop.DoUnimplementedService(ctx, testpb.NewUnimplementedServiceClient(conn)) },
		"custom_metadata":             func() { interop.DoCustomMetadata(ctx, client) },
		"cancel_after_begin":          func() { interop.DoCancelAfterBegin(ctx, client) },
		"cancel_after_first_response": func() { interop.DoCancelAfterFirstResponse(ctx, client) },
		"timeout_on_sleeping_server":  func() { interop.DoTimeoutOnSleepingServer(ctx, client) },
		"rpc_soak": func() {
			interop.DoSoakTest(ctx, soak(func() (*grpc.ClientConn, func()) { return conn, func() {} }))
		},
		"channel_soak": func() {
			interop.DoSoakTest(ctx, soak(func() (*grpc.ClientConn, func()) {
				fresh, err := dial()
				exitOn(err)
				return fresh, func() { fresh.Close() }
			}))
		},
	}
	run, known := cases[name]
	if !known {
		exitOn(fmt.Errorf("there is no case %q", name))
	}
	run()
}

// The sizes are those of grpc-go's own interop client. The latency limit is generous: a slow machine is no failure.
func soak(channel func() (*grpc.ClientConn, func())) interop.SoakTestConfig {
	return interop.SoakTestConfig{
		RequestSize:                      271828,
		ResponseSize:                     314159,
		PerIterationMaxAcceptableLatency: 30 * time.Second,
		OverallTimeout:                   caseTimeout,
		ServerAddr:                       *address,
		NumWorkers:                       *workers,
		Iterations:                       *iterations,
		MaxFailures:                      0,
		ChannelForTest:                   channel,
	}
}

func dial() (*grpc.ClientConn, error) {
	if *caFile == "" {
		return grpc.NewClient(*address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	}
	authority, err := credentials.NewClientTLSFromFile(*caFile, "localhost")
	if err != nil {
		return nil, err
	}
	return grpc.NewClient(*address, grpc.WithTransportCredentials(authority))
}

func exitOn(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
