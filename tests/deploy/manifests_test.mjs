// The manifests as kustomize renders them: each fits its schema, and the policies that we promise hold.
//
//   node manifests_test.mjs RENDERED.yaml...
import {readFileSync} from 'node:fs';
import {basename} from 'node:path';
import * as yaml from 'yaml';

const groups = {
  'v1': 'kubernetes-models/v1', 'apps/v1': 'kubernetes-models/apps/v1', 'policy/v1': 'kubernetes-models/policy/v1',
  'networking.k8s.io/v1': 'kubernetes-models/networking.k8s.io/v1', 'autoscaling/v2': 'kubernetes-models/autoscaling/v2',
  'monitoring.coreos.com/v1': '@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1',
};
let passed = 0, failed = 0;
const check = (what, ok, why = '') => {
  if (ok) { ++passed; return; }
  ++failed;
  console.error(`${what}: ${why || 'does not hold'}`);
};

for (const path of process.argv.slice(2)) {
  const overlay = basename(path, '.yaml');
  const objects = yaml.parseAllDocuments(readFileSync(path, 'utf8')).map(document => document.toJS()).filter(Boolean);
  const of = kind => objects.filter(object => object.kind === kind);
  for (const object of objects) {
    const name = `${overlay}: ${object.kind}/${object.metadata.name}`;
    const models = groups[object.apiVersion] && await import(groups[object.apiVersion]);
    check(name, models && models[object.kind], `no schema for ${object.apiVersion}`);
    if (!models || !models[object.kind]) continue;
    try { new models[object.kind](object).validate(); check(name, true); } catch (error) { check(name, false, error.message); }
  }
  for (const workload of [...of('StatefulSet'), ...of('Deployment')]) {
    const pod = workload.spec.template.spec, where = `${overlay}: ${workload.kind}`;
    check(`${where} has no service account token`, pod.automountServiceAccountToken === false);
    check(`${where} is not root`, pod.securityContext.runAsNonRoot === true && pod.securityContext.runAsUser > 0);
    check(`${where} has the default seccomp profile`, pod.securityContext.seccompProfile.type === 'RuntimeDefault');
    check(`${where} has time to drain`, pod.terminationGracePeriodSeconds >= 45);
    check(`${where} shares no namespace with the host`, !pod.hostNetwork && !pod.hostPID && !pod.hostIPC);
    for (const container of pod.containers) {
      const limits = container.securityContext, of_container = `${where}/${container.name}`;
      check(`${of_container} gains no privileges`, limits.allowPrivilegeEscalation === false);
      check(`${of_container} has a read-only root`, limits.readOnlyRootFilesystem === true);
      check(`${of_container} drops all capabilities`, limits.capabilities.drop.includes('ALL') && !limits.capabilities.add);
      for (const probe of ['startupProbe', 'readinessProbe', 'livenessProbe'])
        check(`${of_container} has a ${probe}`, container[probe]?.httpGet?.port === 'http');
      check(`${of_container} asks for what it needs`, container.resources.requests.cpu && container.resources.requests.memory);
      check(`${of_container} has a memory limit and no CPU limit`, container.resources.limits.memory && !container.resources.limits.cpu);
      check(`${of_container} has a fixed version`, /:\d/.test(container.image));
      const flags = container.args.join(' ');
      check(`${of_container} has TLS, callers, and no reflection`,
        ['--tls-certificate', '--tls-key', '--principals', '--no-reflection'].every(flag => flags.includes(flag)));
      check(`${of_container} is not insecure`, !flags.includes('--allow-insecure'));
      for (const mount of container.volumeMounts)
        check(`${of_container} mounts what there is: ${mount.name}`,
          [...(pod.volumes ?? []), ...(workload.spec.volumeClaimTemplates ?? []).map(claim => claim.metadata)].some(volume => volume.name === mount.name));
    }
    const labels = workload.spec.template.metadata.labels;
    const selects = selector => Object.entries(selector ?? {}).every(([key, value]) => labels[key] === value);
    check(`${where} is selected by its own selector`, selects(workload.spec.selector.matchLabels));
    check(`${where} has a disruption budget`, of('PodDisruptionBudget').some(budget => selects(budget.spec.selector.matchLabels)));
    check(`${where} has a network policy both ways`, of('NetworkPolicy').some(policy =>
      selects(policy.spec.podSelector.matchLabels) && policy.spec.policyTypes.length === 2));
    check(`${where} is behind its services`, of('Service').length === 2 && of('Service').every(service => selects(service.spec.selector)));
  }
  check(`${overlay} is scraped`, of('ServiceMonitor').length === 1);
  check(`${overlay} has one workload`, of('StatefulSet').length + of('Deployment').length === 1);
  if (overlay === 'embedded') check('embedded has one replica', of('StatefulSet')[0].spec.replicas === 1);
  if (overlay === 'replicated') check('replicated scales by the queue', of('HorizontalPodAutoscaler').some(scaler =>
    scaler.spec.metrics[0].external.metric.name === 'automap_queue_oldest_wait_seconds'));
}
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed || !passed ? 1 : 0);
