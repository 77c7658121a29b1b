import { adminPort, type DeployedService, indented } from "./deployment.ts";
import { ecsService, ifGiven, loadBalancerIdleSeconds, pascal } from "./ecs-service.ts";
import { type ProductionSetting, parameterOf, productionSettings } from "./production-settings.ts";

const optionalSecrets = productionSettings.filter(({ secret }) => secret !== undefined);

/** deploy/ecs/parley.yaml: a CloudFormation template for AWS Fargate. */
export function ecsTemplate(services: readonly DeployedService[]): string {
  const databases = services.filter(({ database }) => database);
  return `# Parley on AWS ECS with Fargate: an Application Load Balancer in front of the gateways, Cloud Map for the services among each other.
# Made by \`npm run generate\`. PostgreSQL (RDS) and Redis (ElastiCache) are given by the Secrets with their URLs. See docs/deploy.md.
AWSTemplateFormatVersion: "2010-09-09"
Description: Parley, an order platform of Connect-RPC services

Parameters:
  VpcId:
    Type: AWS::EC2::VPC::Id
  PublicSubnets:
    Type: List<AWS::EC2::Subnet::Id>
    Description: For the load balancer, in at least two zones.
  PrivateSubnets:
    Type: List<AWS::EC2::Subnet::Id>
    Description: For the tasks. They need a way to the registry, to Secrets Manager and to CloudWatch.
  Image:
    Type: String
    Description: The image of docs/deploy.md, with its tag or digest.
  CertificateArn:
    Type: String
    Description: The certificate of the public name, in AWS Certificate Manager.
  PublicName:
    Type: String
    Description: The public host name, to which errors link.
  Replicas:
    Type: Number
    Default: 2
    MinValue: 1
  ReplicasMax:
    Type: Number
    Default: 10
  BrokerUrlSecret:
    Type: String
    Description: ARN of the Secret with the URL of Redis, rediss://…
  ServiceKeysSecret:
    Type: String
    Description: ARN of the Secret with services.json, as \`parley keys\` writes it.
  SigningKeySecret:
    Type: String
    Description: ARN of the Secret that encrypts the keys of access tokens, at least 32 characters.
${databases
  .map(
    ({ name }) => `  ${pascal(name)}DatabaseUrlSecret:
    Type: String
    Description: ARN of the Secret with the URL of the ${name} service's database, postgres://…?sslmode=verify-full`,
  )
  .join("\n")}
${services
  .filter(({ calls }) => calls.length > 0)
  .map(
    ({ name }) => `  ${pascal(name)}KeySecret:
    Type: String
    Description: ARN of the Secret with ${name}.json, as \`parley keys\` writes it.`,
  )
  .join("\n")}
  # Settings. If one is empty, the service's own default applies; an empty Secret is not set.
${productionSettings.map(parameterDeclaration).join("\n")}
  SettingsFile:
    Type: String
    Default: ""
    Description: ARN of a file in S3 with further settings of docs/running.md for all services, a line NAME=value each.

Conditions:
  HasSettingsFile: !Not [!Equals [!Ref SettingsFile, ""]]
${optionalSecrets
  .map((setting) => `  Has${parameterOf(setting)}: !Not [!Equals [!Ref ${parameterOf(setting)}, ""]]`)
  .join("\n")}

Resources:
  Cluster:
    Type: AWS::ECS::Cluster
    Properties:
      ClusterSettings:
        - { Name: containerInsights, Value: enabled }

  Logs:
    Type: AWS::Logs::LogGroup
    DeletionPolicy: Delete
    UpdateReplacePolicy: Retain
    Properties:
      RetentionInDays: 30

  Names:
    Type: AWS::ServiceDiscovery::PrivateDnsNamespace
    Properties:
      Name: parley.internal
      Vpc: !Ref VpcId

  ExecutionRole:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Version: "2012-10-17"
        Statement:
          - Effect: Allow
            Principal: { Service: ecs-tasks.amazonaws.com }
            Action: sts:AssumeRole
      ManagedPolicyArns:
        - !Sub arn:\${AWS::Partition}:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy
      Policies:
        - PolicyName: secrets
          PolicyDocument:
            Version: "2012-10-17"
            Statement:
              - Effect: Allow
                Action: secretsmanager:GetSecretValue
                Resource:
                  - !Ref BrokerUrlSecret
                  - !Ref ServiceKeysSecret
                  - !Ref SigningKeySecret
${databases.map(({ name }) => `                  - !Ref ${pascal(name)}DatabaseUrlSecret`).join("\n")}
${services
  .filter(({ calls }) => calls.length > 0)
  .map(({ name }) => `                  - !Ref ${pascal(name)}KeySecret`)
  .join("\n")}
${indented(
  optionalSecrets.flatMap((setting) => ifGiven(parameterOf(setting), `!Ref ${parameterOf(setting)}`)),
  18,
)}
        - Fn::If:
            - HasSettingsFile
            - PolicyName: settings-file
              PolicyDocument:
                Version: "2012-10-17"
                Statement:
                  - { Effect: Allow, Action: s3:GetObject, Resource: !Ref SettingsFile }
                  - Effect: Allow
                    Action: s3:GetBucketLocation
                    Resource: !Select [0, !Split ["/", !Ref SettingsFile]]
            - !Ref AWS::NoValue

  # The services call nothing of AWS.
  TaskRole:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Version: "2012-10-17"
        Statement:
          - Effect: Allow
            Principal: { Service: ecs-tasks.amazonaws.com }
            Action: sts:AssumeRole

  LoadBalancerAccess:
    Type: AWS::EC2::SecurityGroup
    Properties:
      GroupDescription: From everywhere to the load balancer
      VpcId: !Ref VpcId
      SecurityGroupIngress:
        - { IpProtocol: tcp, FromPort: 443, ToPort: 443, CidrIp: 0.0.0.0/0, Description: HTTPS }

  TaskAccess:
    Type: AWS::EC2::SecurityGroup
    Properties:
      GroupDescription: From the load balancer to the gateways
      VpcId: !Ref VpcId
      SecurityGroupIngress:
        - IpProtocol: tcp
          FromPort: 8080
          ToPort: 8080
          SourceSecurityGroupId: !Ref LoadBalancerAccess
          Description: calls
        - IpProtocol: tcp
          FromPort: ${adminPort}
          ToPort: ${adminPort}
          SourceSecurityGroupId: !Ref LoadBalancerAccess
          Description: health

  TasksAmongEachOther:
    Type: AWS::EC2::SecurityGroupIngress
    Properties:
      GroupId: !Ref TaskAccess
      SourceSecurityGroupId: !Ref TaskAccess
      IpProtocol: tcp
      FromPort: 8080
      ToPort: 50100
      Description: calls between services

  LoadBalancer:
    Type: AWS::ElasticLoadBalancingV2::LoadBalancer
    Properties:
      Type: application
      Scheme: internet-facing
      Subnets: !Ref PublicSubnets
      SecurityGroups: [!Ref LoadBalancerAccess]
      LoadBalancerAttributes:
        # A stream may be silent for longer than the minute that is the default. Heartbeats of server-sent events come every 15 seconds.
        - { Key: idle_timeout.timeout_seconds, Value: "${loadBalancerIdleSeconds}" }
        - { Key: routing.http2.enabled, Value: "true" }
        - { Key: routing.http.drop_invalid_header_fields.enabled, Value: "true" }

  Listener:
    Type: AWS::ElasticLoadBalancingV2::Listener
    Properties:
      LoadBalancerArn: !Ref LoadBalancer
      Port: 443
      Protocol: HTTPS
      SslPolicy: ELBSecurityPolicy-TLS13-1-2-2021-06
      Certificates: [{ CertificateArn: !Ref CertificateArn }]
      DefaultActions: [{ Type: forward, TargetGroupArn: !Ref HttpTargets }]

  GrpcRule:
    Type: AWS::ElasticLoadBalancingV2::ListenerRule
    Properties:
      ListenerArn: !Ref Listener
      Priority: 10
      Conditions:
        - Field: http-header
          HttpHeaderConfig: { HttpHeaderName: content-type, Values: [application/grpc, "application/grpc+*"] }
      Actions: [{ Type: forward, TargetGroupArn: !Ref GrpcTargets }]

  HttpTargets:
    Type: AWS::ElasticLoadBalancingV2::TargetGroup
    Properties:
      VpcId: !Ref VpcId
      TargetType: ip
      Port: 8080
      Protocol: HTTP
      HealthCheckPath: /health
      HealthCheckPort: "${adminPort}"
      HealthCheckProtocol: HTTP
      HealthCheckIntervalSeconds: 5
      HealthCheckTimeoutSeconds: 3
      HealthyThresholdCount: 2
      UnhealthyThresholdCount: 2
      TargetGroupAttributes:
        - { Key: deregistration_delay.timeout_seconds, Value: "30" }

  GrpcTargets:
    Type: AWS::ElasticLoadBalancingV2::TargetGroup
    Properties:
      VpcId: !Ref VpcId
      TargetType: ip
      Port: 8080
      Protocol: HTTP
      ProtocolVersion: GRPC
      HealthCheckPath: /grpc.health.v1.Health/Check
      HealthCheckIntervalSeconds: 5
      HealthCheckTimeoutSeconds: 3
      HealthyThresholdCount: 2
      UnhealthyThresholdCount: 2
      Matcher: { GrpcCode: "0" }
      TargetGroupAttributes:
        - { Key: deregistration_delay.timeout_seconds, Value: "30" }

${services.map((service) => ecsService(service, services)).join("\n")}
Outputs:
  Address:
    Description: Point the public name here.
    Value: !GetAtt LoadBalancer.DNSName
`;
}

function parameterDeclaration(setting: ProductionSetting): string {
  const { variable, value, about, secret } = setting;
  const description = secret === undefined ? `${variable}. ${about}` : `ARN of the Secret with ${variable}. ${about}`;
  return `  ${parameterOf(setting)}:
    Type: String
    Default: ${JSON.stringify(secret === undefined ? value : "")}
    Description: ${JSON.stringify(description)}`;
}
