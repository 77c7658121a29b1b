import build.buf.protovalidate.Validator;
import build.buf.protovalidate.ValidatorFactory;
import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import order.v1.OrderServiceGrpc;
import order.v1.OrderServiceOuterClass.CreateOrderItem;
import order.v1.OrderServiceOuterClass.CreateOrderRequest;
import java.util.concurrent.TimeUnit;

/** Validates a request with protovalidate and Parley's rules, then places an order over gRPC. */
public final class Shop {
  public static void main(String[] args) throws Exception {
    Validator validator = ValidatorFactory.newBuilder().build();
    var noUnits = CreateOrderItem.newBuilder().setProductId("102");
    var invalid = CreateOrderRequest.newBuilder().setUserId("1").addItems(noUnits).build();
    System.out.println("invalid: " + !validator.validate(invalid).isSuccess());

    var channel = Grpc.newChannelBuilder(args[0], InsecureChannelCredentials.create()).build();
    try {
      var item = CreateOrderItem.newBuilder().setProductId("102").setQuantity(1);
      var request = CreateOrderRequest.newBuilder().setUserId("1").addItems(item).build();
      System.out.println("valid: " + validator.validate(request).isSuccess());
      var orders = OrderServiceGrpc.newBlockingStub(channel).withDeadlineAfter(10, TimeUnit.SECONDS);
      var order = orders.createOrder(request).getOrder();
      System.out.println("order: " + order.getState() + " " + order.getTotalPrice().getUnits());
    } finally {
      channel.shutdownNow().awaitTermination(5, TimeUnit.SECONDS);
    }
  }
}
