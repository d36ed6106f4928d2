/** What KServe 0.15 takes as an InferenceService with a custom predictor: `serving.kserve.io/v1beta1` of its CRD, as far as we use it. */
import type { IDeployment } from 'kubernetes-models/apps/v1/Deployment';
import type { IDeploymentStrategy } from 'kubernetes-models/apps/v1/DeploymentStrategy';
import type { IPodSpec } from 'kubernetes-models/v1/PodSpec';

/** What KServe adds to a pod's own fields; ours are among them. */
interface ComponentExtension {
  minReplicas?: number;
  maxReplicas?: number;
  scaleTarget?: number;
  scaleMetric?: 'cpu' | 'memory' | 'concurrency' | 'rps';
  containerConcurrency?: number;
  /** Seconds. */
  timeout?: number;
  canaryTrafficPercent?: number;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  deploymentStrategy?: IDeploymentStrategy;
}

/** Named like the types of the package kubernetes-models. */
export interface IInferenceService {
  apiVersion: 'serving.kserve.io/v1beta1';
  kind: 'InferenceService';
  metadata: NonNullable<IDeployment['metadata']>;
  spec: { predictor: IPodSpec & ComponentExtension };
}
