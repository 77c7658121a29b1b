import { adminPort, type DeployedService, environmentOf, indented, stopSeconds } from "./deployment.ts";
import { parameterOf, productionSettingsOf } from "./production-settings.ts";

const keysFolder = "/keys";

/**
 * The load balancer's idle timeout, on both sides. A gateway's is longer: where it ended an idle connection first, a request that crosses the end
 * would be answered 502.
 */
export const loadBalancerIdleSeconds = 3_600;

/** The resources of one service: its name in Cloud Map, its task, service and scaling. */
export function ecsService(service: DeployedService, services: readonly DeployedService[]): string {
  const { name, port, database, calls } = service;
  const id = pascal(name);
  const environment = environmentOf(service, {
    services,
    keysFolder,
    // Cloud Map's SRV records contain each task's port. An answer has at most eight records.
    target: ({ name: callee }) => `srv:///${callee}.parley.internal`,
  });
  const secrets = [
    ...(database
      ? [
          `- { Name: DATABASE_URL, ValueFrom: !Ref ${id}DatabaseUrlSecret }`,
          "- { Name: BROKER_URL, ValueFrom: !Ref BrokerUrlSecret }",
        ]
      : []),
    ...(name === "user" ? ["- { Name: SIGNING_KEY_SECRET, ValueFrom: !Ref SigningKeySecret }"] : []),
    ...productionSettingsOf(service)
      .filter(({ secret }) => secret !== undefined)
      .flatMap((setting) => {
        const parameter = parameterOf(setting);
        return ifGiven(parameter, `{ Name: ${setting.variable}, ValueFrom: !Ref ${parameter} }`);
      }),
  ];
  const keySecrets = [
    "- { Name: SERVICE_KEYS, ValueFrom: !Ref ServiceKeysSecret }",
    ...(calls.length > 0 ? [`- { Name: SERVICE_KEY, ValueFrom: !Ref ${id}KeySecret }`] : []),
  ];
  const log = `LogConfiguration:
            LogDriver: awslogs
            Options:
              awslogs-group: !Ref Logs
              awslogs-region: !Ref AWS::Region
              awslogs-stream-prefix: ${name}`;
  return `  ${id}Name:
    Type: AWS::ServiceDiscovery::Service
    Properties:
      Name: ${name}
      NamespaceId: !Ref Names
      DnsConfig:
        RoutingPolicy: MULTIVALUE
        DnsRecords:
          - { Type: A, TTL: 5 }
          - { Type: SRV, TTL: 5 }
      HealthCheckCustomConfig: { FailureThreshold: 1 }

  ${id}Task:
    Type: AWS::ECS::TaskDefinition
    Properties:
      Family: parley-${name}
      RequiresCompatibilities: [FARGATE]
      NetworkMode: awsvpc
      Cpu: "512"
      Memory: "1024"
      ExecutionRoleArn: !GetAtt ExecutionRole.Arn
      TaskRoleArn: !GetAtt TaskRole.Arn
      Volumes:
        - { Name: keys }
        - { Name: tmp }
      ContainerDefinitions:
        # Fargate hands Secrets over as variables; this writes them to the files that the service reads.
        - Name: keys
          Image: !Ref Image
          Essential: false
          Command: [keys, --folder, ${keysFolder}, --from-environment, ${name}]
          Secrets:
${indented(keySecrets, 12)}
          MountPoints:
            - { SourceVolume: keys, ContainerPath: ${keysFolder} }
          ${log}
        - Name: ${name}
          Image: !Ref Image
          Essential: true
          Command: [run, ${name}]
          DependsOn: [{ ContainerName: keys, Condition: SUCCESS }]
          StopTimeout: ${stopSeconds}
          ReadonlyRootFilesystem: true
          PortMappings:
            - { ContainerPort: ${port}, Name: rpc }
            - { ContainerPort: ${adminPort}, Name: admin }
          Environment:
            - { Name: ERROR_HELP_URL, Value: !Sub "https://\${PublicName}/docs/errors.md" }
${indented(
  Object.entries({
    ...environment,
    ...(name === "gateway" ? { CONNECTION_IDLE_TIMEOUT_MS: String((loadBalancerIdleSeconds + 60) * 1_000) } : {}),
  }).map(([variable, value]) => `- { Name: ${variable}, Value: ${JSON.stringify(value)} }`),
  12,
)}
${indented(
  productionSettingsOf(service)
    .filter(({ secret }) => secret === undefined)
    .map((setting) => `- { Name: ${setting.variable}, Value: !Ref ${parameterOf(setting)} }`),
  12,
)}
          EnvironmentFiles:
${indented(ifGiven("SettingsFile", "{ Type: s3, Value: !Ref SettingsFile }"), 12)}
${secrets.length === 0 ? "" : `          Secrets:\n${indented(secrets, 12)}\n`}          MountPoints:
            - { SourceVolume: keys, ContainerPath: ${keysFolder}, ReadOnly: true }
            - { SourceVolume: tmp, ContainerPath: /tmp }
          HealthCheck:
            Command: [CMD, parley, health]
            Interval: 5
            Timeout: 3
            Retries: 3
            StartPeriod: 20
          ${log}

  ${id}Service:
    Type: AWS::ECS::Service
${name === "gateway" ? "    DependsOn: [Listener, GrpcRule]\n" : ""}    Properties:
      Cluster: !Ref Cluster
      LaunchType: FARGATE
      TaskDefinition: !Ref ${id}Task
      DesiredCount: !Ref Replicas
      AvailabilityZoneRebalancing: ENABLED
      DeploymentConfiguration:
        MinimumHealthyPercent: 100
        MaximumPercent: 200
        DeploymentCircuitBreaker: { Enable: true, Rollback: true }
      NetworkConfiguration:
        AwsvpcConfiguration:
          Subnets: !Ref PrivateSubnets
          SecurityGroups: [!Ref TaskAccess]
      ServiceRegistries:
        - { RegistryArn: !GetAtt ${id}Name.Arn, ContainerName: ${name}, ContainerPort: ${port} }
${
  name === "gateway"
    ? `      HealthCheckGracePeriodSeconds: 60
      LoadBalancers:
        - { ContainerName: gateway, ContainerPort: ${port}, TargetGroupArn: !Ref HttpTargets }
        - { ContainerName: gateway, ContainerPort: ${port}, TargetGroupArn: !Ref GrpcTargets }
`
    : ""
}
  ${id}Scale:
    Type: AWS::ApplicationAutoScaling::ScalableTarget
    Properties:
      ServiceNamespace: ecs
      ScalableDimension: ecs:service:DesiredCount
      ResourceId: !Sub service/\${Cluster}/\${${id}Service.Name}
      MinCapacity: !Ref Replicas
      MaxCapacity: !Ref ReplicasMax

  ${id}ScaleByCpu:
    Type: AWS::ApplicationAutoScaling::ScalingPolicy
    Properties:
      PolicyName: ${name}-cpu
      PolicyType: TargetTrackingScaling
      ScalingTargetId: !Ref ${id}Scale
      TargetTrackingScalingPolicyConfiguration:
        TargetValue: 60
        PredefinedMetricSpecification: { PredefinedMetricType: ECSServiceAverageCPUUtilization }
`;
}

/** An item of a list that is left out where the parameter is empty. */
export function ifGiven(parameter: string, value: string): readonly string[] {
  return ["- Fn::If:", `    - Has${parameter}`, `    - ${value}`, "    - !Ref AWS::NoValue"];
}

/** Converts `echo-a` to CloudFormation's style: `EchoA`. */
export function pascal(name: string): string {
  return name
    .split("-")
    .map((word) => word.slice(0, 1).toUpperCase() + word.slice(1))
    .join("");
}
