// What stands where in each cloud's metadata service while all is well, and what it wants to be asked with.

export type FakeCloudKind = 'aws' | 'gcp' | 'azure' | 'alibaba' | 'tencent'

interface FakeEndpoint {
  /** By path. */
  readonly values: Readonly<Record<string, string>>
  readonly token?: { readonly header: string; readonly required: boolean }
  /** A header that every question must have, and the status of those without it. */
  readonly header?: { readonly name: string; readonly value: string; readonly otherwise: number }
}

/** This VM's name in Azure; events of others name others. */
export const azureVmName = 'shop_7'

export const paths = {
  awsSpot: '/latest/meta-data/spot/instance-action',
  awsRebalance: '/latest/meta-data/events/recommendations/rebalance',
  awsMaintenance: '/latest/meta-data/events/maintenance/scheduled',
  awsLifecycle: '/latest/meta-data/autoscaling/target-lifecycle-state',
  gcpPreempted: '/computeMetadata/v1/instance/preempted',
  gcpMaintenance: '/computeMetadata/v1/instance/maintenance-event',
  azureEvents: '/metadata/scheduledevents',
  azureName: '/metadata/instance/compute/name',
  alibabaSpot: '/latest/meta-data/instance/spot/termination-time',
  tencentSpot: '/latest/meta-data/spot/termination-time',
}

export const endpoints: Readonly<Record<FakeCloudKind, FakeEndpoint>> = {
  aws: {
    values: {
      '/latest/meta-data/instance-id': 'i-0d59937288b749b32',
      [paths.awsLifecycle]: 'InService',
    },
    token: { header: 'x-aws-ec2-metadata-token', required: true },
  },
  gcp: {
    values: {
      '/computeMetadata/v1/instance/id': '7483920174839201',
      [paths.gcpPreempted]: 'FALSE',
      [paths.gcpMaintenance]: 'NONE',
    },
    header: { name: 'metadata-flavor', value: 'Google', otherwise: 403 },
  },
  azure: {
    values: {
      '/metadata/instance/compute/vmId': '5c08b38e-4d57-4c23-ac45-aca61037f084',
      [paths.azureName]: azureVmName,
      [paths.azureEvents]: JSON.stringify({ DocumentIncarnation: 1, Events: [] }),
    },
    header: { name: 'metadata', value: 'true', otherwise: 400 },
  },
  alibaba: {
    values: { '/latest/meta-data/instance-id': 'i-uf6ga92ewlo4anobbln6' },
    token: { header: 'x-aliyun-ecs-metadata-token', required: false },
  },
  tencent: {
    values: { '/latest/meta-data/instance-id': 'ins-3g445roi' },
  },
}
