// How a container of a workload's rendered manifest is run without Kubernetes: a config.json for runc, with the
// manifest's arguments, user, read-only root, capabilities, seccomp profile, memory limit and volumes.
//
//   node oci_spec.mjs RENDERED.yaml ROOTFS FOLDER ENTRYPOINT... >config.json
//
// A volume NAME is FOLDER/NAME, but for those in memory. The network is the container's own: nothing but loopback.
import {readFileSync} from 'node:fs';
import * as yaml from 'yaml';

const [rendered, rootfs, folder, ...entrypoint] = process.argv.slice(2);
const workload = yaml.parseAllDocuments(readFileSync(rendered, 'utf8')).map(document => document.toJS())
  .find(object => object && ['StatefulSet', 'Deployment'].includes(object.kind));
const pod = workload.spec.template.spec, container = pod.containers[0], limits = container.securityContext;

// The profile that Kubernetes' runtimes take by default, as containers-common has it; rules that hold with some
// capability only are left out, as all are dropped.
function defaultSeccomp() {
  const profile = JSON.parse(readFileSync('/usr/share/containers/seccomp.json'));
  return {
    defaultAction: profile.defaultAction, defaultErrnoRet: profile.defaultErrnoRet,
    architectures: ['SCMP_ARCH_X86_64'],
    syscalls: profile.syscalls
      .filter(rule => !rule.includes?.caps && (!rule.includes?.arches || rule.includes.arches.includes('amd64')))
      .filter(rule => !rule.excludes?.arches?.includes('amd64'))
      .map(({names, action, args, errnoRet}) => ({names, action, ...(args && {args}), ...(errnoRet && {errnoRet})})),
  };
}

const kept = limits.capabilities.drop.includes('ALL') ? [] : ['CAP_NET_BIND_SERVICE'];
const volume = ({name, mountPath, readOnly}) => {
  const memory = (pod.volumes ?? []).find(item => item.name === name)?.emptyDir?.medium === 'Memory';
  return memory ? {destination: mountPath, type: 'tmpfs', source: 'tmpfs', options: ['nosuid', 'nodev', 'mode=1777', 'size=64m']}
    : {destination: mountPath, type: 'bind', source: `${folder}/${name}`, options: ['rbind', readOnly ? 'ro' : 'rw']};
};
console.log(JSON.stringify({
  ociVersion: '1.0.2',
  process: {
    user: {uid: pod.securityContext.runAsUser, gid: pod.securityContext.runAsGroup},
    args: [...entrypoint, ...container.args], cwd: '/', env: ['PATH=/usr/bin:/bin'],
    capabilities: {bounding: kept, effective: kept, inheritable: kept, permitted: kept, ambient: []},
    noNewPrivileges: limits.allowPrivilegeEscalation === false,
  },
  root: {path: rootfs, readonly: limits.readOnlyRootFilesystem === true},
  mounts: [
    {destination: '/proc', type: 'proc', source: 'proc'},
    {destination: '/dev', type: 'tmpfs', source: 'tmpfs', options: ['nosuid', 'mode=755', 'size=65536k']},
    {destination: '/dev/shm', type: 'tmpfs', source: 'shm', options: ['nosuid', 'noexec', 'nodev', 'mode=1777', 'size=65536k']},
    ...container.volumeMounts.map(volume),
  ],
  linux: {
    namespaces: ['pid', 'network', 'ipc', 'uts', 'mount'].map(type => ({type})),
    resources: {memory: {limit: parseInt(container.resources.limits.memory, 10) * 2 ** 30}},
    ...(pod.securityContext.seccompProfile.type === 'RuntimeDefault' && {seccomp: defaultSeccomp()}),
    maskedPaths: ['/proc/kcore', '/proc/keys', '/proc/timer_list', '/proc/sched_debug'],
    readonlyPaths: ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger'],
  },
}, null, 1));
