// The Grafana dashboard, as code: `npm ci && node dashboard.mjs > dashboard.json`. tests/e2e/prometheus_test.py asks a
// real Prometheus every query below and expects data.
import * as dashboard from '@grafana/grafana-foundation-sdk/dashboard';
import * as prometheus from '@grafana/grafana-foundation-sdk/prometheus';
import * as timeseries from '@grafana/grafana-foundation-sdk/timeseries';

const p = (quantile, metric, by) =>
  `histogram_quantile(${quantile}, sum by (le${by ? ', ' + by : ''}) (rate(${metric}_bucket[$__rate_interval])))`;
const rate = (metric, by) => `sum by (${by}) (rate(${metric}[$__rate_interval]))`;

const rows = {
  'Jobs': [
    ['Jobs by state', 'short', [['sum by (state) (automap_jobs)', '{{state}}']]],
    ['Jobs that end', 'ops', [[rate('automap_jobs_ended_total', 'state'), '{{state}}'],
      ['sum(rate(automap_jobs_created_total[$__rate_interval]))', 'created']]],
    ['Waiting', 's', [['max(automap_queue_oldest_wait_seconds)', 'oldest now'],
      [p(0.5, 'automap_job_wait_seconds'), 'p50'], [p(0.95, 'automap_job_wait_seconds'), 'p95']]],
    ['Running', 's', [[p(0.5, 'automap_job_run_seconds'), 'p50'], [p(0.95, 'automap_job_run_seconds'), 'p95']]],
  ],
  'Plans': [
    ['Search time by strategy', 's', [[p(0.95, 'automap_search_seconds', 'strategy'), '{{strategy}} p95']]],
    ['Gap to the proved bound, by strategy', 'percentunit', [[p(0.5, 'automap_search_gap', 'strategy'), '{{strategy}} p50']]],
    ['Plan cache', 'ops', [[rate('automap_plan_cache_lookups_total', 'result'), '{{result}}']]],
  ],
  'Workers': [
    ['Workers', 'short', [['sum(automap_workers_busy)', 'busy'], ['sum(automap_workers)', 'all']]],
    ['Workers lost', 'ops', [[rate('automap_worker_deaths_total', 'cause'), '{{cause}}']]],
    ['Writes refused by a fence', 'ops', [['sum(rate(automap_fence_rejections_total[$__rate_interval]))', 'fenced']]],
  ],
  'API': [
    ['Calls', 'ops', [[rate('automap_grpc_server_handling_seconds_count', 'method'), '{{method}}']]],
    ['Calls by code', 'ops', [[rate('automap_grpc_server_handling_seconds_count', 'code'), '{{code}}']]],
    ['Call time p99', 's', [[p(0.99, 'automap_grpc_server_handling_seconds', 'method'), '{{method}}']]],
    ['Refusals by reason', 'ops', [[rate('automap_requests_rejected_total', 'reason'), '{{reason}}']]],
    ['Streams and connections', 'short', [['sum(automap_watch_streams)', 'streams'], ['sum(automap_connections)', 'connections'],
      ['sum(rate(automap_watch_cut_off_total[$__rate_interval]))', 'cut off /s'],
      ['sum(rate(automap_connections_refused_total[$__rate_interval]))', 'refused /s'],
      ['sum(rate(automap_connections_closed_total[$__rate_interval]))', 'closed for what they sent /s']]],
    ['Uploads', 'Bps', [['sum(rate(automap_uploaded_bytes_total[$__rate_interval]))', 'bytes']]],
  ],
  'Store and process': [
    ['Store p99 by operation', 's', [[p(0.99, 'automap_store_seconds', 'operation'), '{{operation}}']]],
    ['Store errors', 'ops', [[rate('automap_store_errors_total', 'operation'), '{{operation}}']]],
    ['Memory', 'bytes', [['sum by (instance) (process_resident_memory_bytes)', '{{instance}}']]],
    ['Open files', 'short', [['sum by (instance) (process_open_fds)', '{{instance}}']]],
    ['Version', 'short', [['sum by (version) (automap_build_info)', '{{version}}']]],
  ],
};

const builder = new dashboard.DashboardBuilder('Auto-MAP')
  .uid('automap').tags(['automap']).refresh('30s').time({from: 'now-3h', to: 'now'}).timezone('browser');
for (const [title, panels] of Object.entries(rows)) {
  builder.withRow(new dashboard.RowBuilder(title));
  for (const [name, unit, queries] of panels) {
    const panel = new timeseries.PanelBuilder().title(name).unit(unit).span(8).height(8);
    for (const [expression, legend] of queries)
      panel.withTarget(new prometheus.DataqueryBuilder().expr(expression).legendFormat(legend));
    builder.withPanel(panel);
  }
}
console.log(JSON.stringify(builder.build(), null, 2));
