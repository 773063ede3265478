// What features and statistics are called on the page, and in which unit they are shown. A name that is not listed is made
// from its parts. Pure lookup.

import { sentence } from './words';

const NAMES: Record<string, string> = {
  // flow/1
  duration_ms: 'Duration',
  forward_packets: 'Packets sent',
  backward_packets: 'Packets received',
  forward_bytes: 'Bytes sent',
  backward_bytes: 'Bytes received',
  forward_bytes_share: 'Share of bytes sent',
  packets_per_s: 'Packet rate',
  bytes_per_s: 'Byte rate',
  forward_payload_mean_bytes: 'Payload sent, mean',
  forward_payload_std_bytes: 'Payload sent, spread',
  forward_payload_max_bytes: 'Payload sent, largest',
  forward_data_packets_ratio: 'Sent packets with data',
  backward_payload_mean_bytes: 'Payload received, mean',
  backward_payload_std_bytes: 'Payload received, spread',
  backward_payload_max_bytes: 'Payload received, largest',
  backward_data_packets_ratio: 'Received packets with data',
  iat_mean_us: 'Packet gap, mean',
  iat_std_us: 'Packet gap, spread',
  forward_iat_mean_us: 'Gap sent, mean',
  forward_iat_std_us: 'Gap sent, spread',
  forward_iat_max_us: 'Gap sent, longest',
  backward_iat_mean_us: 'Gap received, mean',
  backward_iat_std_us: 'Gap received, spread',
  idle_mean_ms: 'Idle gap, mean',
  subflows: 'Bursts',
  syn_ratio: 'Packets with SYN',
  fin_ratio: 'Packets with FIN',
  forward_rst_ratio: 'Sent packets with RST',
  backward_rst_ratio: 'Received packets with RST',
  forward_psh_ratio: 'Sent packets with PSH',
  backward_psh_ratio: 'Received packets with PSH',
  urg_ratio: 'Packets with URG',
  handshake_us: 'TCP handshake',
  retransmission_ratio: 'Packets sent again',
  missed_bytes: 'Payload missing',
  state_unanswered: 'Left unanswered',
  state_refused: 'Refused or aborted',
  state_complete: 'Opened and ended',
  dns_name_bytes: 'DNS name length',
  dns_name_entropy: 'DNS name randomness',
  dns_name_labels: 'DNS name labels',
  dns_failed: 'DNS name failed',
  tls_server_name_bytes: 'TLS name length',
  tls_alpn_count: 'TLS protocols offered',
  http_url_bytes: 'HTTP target length',
  http_error: 'HTTP error',
  transport_tcp: 'Is TCP',
  transport_udp: 'Is UDP',
  transport_icmp: 'Is ICMP',
  service_rarity: 'Rarity of the service',
  application_rarity: 'Rarity of the protocol there',
  // statistics of a direction
  bytes: 'Bytes',
  packets: 'Packets',
  packets_with_payload: 'Packets with payload',
  payload_sum_bytes: 'Payload',
  payload_mean_bytes: 'Payload, mean',
  payload_std_bytes: 'Payload, spread',
  payload_min_bytes: 'Payload, smallest',
  payload_max_bytes: 'Payload, largest',
  header_bytes: 'Headers',
  ip_bytes: 'IP bytes',
  init_window_bytes: 'First window',
  segment_size_min_bytes: 'Smallest segment',
  iat_mean_ms: 'Gap, mean',
  iat_std_ms: 'Gap, spread',
  iat_min_ms: 'Gap, shortest',
  iat_max_ms: 'Gap, longest',
  iat_sum_ms: 'Gaps in all',
  handshake_ms: 'TCP handshake',
  retransmissions: 'Sent again',
  bulk_bytes: 'Bulk',
  bulk_packets: 'Bulk packets',
  bulk_duration_ms: 'Bulk time',
  bulks: 'Bulks',
  report: 'Report of this flow',
};

/** 0 or 1 and nothing between. */
const YES_NO = /^(state_|transport_|dns_failed$|http_error$)/;

export function featureName(feature: string): string {
  const known = NAMES[feature];
  if (known !== undefined) return known;
  const flag = /^flags_([a-z]+)$/.exec(feature);
  if (flag) return `${(flag[1] as string).toUpperCase()} packets`;
  return sentence(feature.replace(/_(ms|us)$/, '').replace(/_ratio$/, ' ratio'));
}

/** The unit as the page says it: shares as percent; the unit of a statistic is in its name. */
export function featureUnit(feature: string, unit?: string): string {
  if (unit === undefined) {
    const found = /(?:^|_)(bytes|ms|us|packets)(_per_s)?$/.exec(feature);
    if (!found) return '';
    if (found[2]) return found[1] === 'bytes' ? 'bytes/s' : 'packets/s';
    return found[1] === 'us' ? 'µs' : found[1] === 'packets' ? '' : (found[1] as string);
  }
  if ((unit === 'ratio' || unit === '') && /_(ratio|share)$/.test(feature)) return 'percent';
  return unit === 'ratio' && YES_NO.test(feature) ? 'yes/no' : unit;
}
