// The short help of each panel and each kind of incident: what it means, what to do, and where more is written. Pure; loaded when it is
// asked for. A test finds panels and kinds without help, and links that lead nowhere.

export interface HelpText {
  /** What it means. */
  means: string;
  /** What to do with it. */
  todo: string;
  /** A page of the documentation, below /docs/. */
  more: string;
}

const h = (means: string, todo: string, more: string): HelpText => ({ means, todo, more });

/** By the panel's name. */
export const PANELS: Record<string, HelpText> = {
  health: h('Whether the watch itself can be trusted now: what is captured, lost, late, and how far the models are.', 'Anything that is not green says what to do. A loss here means that incidents may be missing.', 'how-to/read-the-health-strip'),
  traffic: h('Bits or packets a second by protocol, in and out, with incidents as marks on the time line.', 'Drag over a time to look at it on every panel; click a mark to open its incident.', 'tutorial/first-ten-minutes'),
  scatter: h('Each point is one flow. Blue is like what was learned, red is unlike it at the chosen rate of alarms.', 'Drag a box over points to list them; click one for its values against the usual ones.', 'explanation/detection#from-scores-to-p-values'),
  sources: h('Where packets, exports and logs come from, what each counts, and which is silent.', 'A silent or failed source says why. What it did not tell is nowhere else on this page.', 'how-to/see-how-sources-do'),
  machine: h('This machine itself: its sockets, the programs behind them, and its interfaces’ counters.', 'A listener that you do not know is worth a look: its program is named.', 'how-to/watch-this-machine'),
  newest: h('The incidents raised last, worst marked.', 'Open one: it says why, with what to compare, and what to do next.', 'reference/kinds'),
  budget: h('How many incidents of the learned models were announced against what you allowed an hour. Exact detectors are never held back.', 'Is it used up each day? Mark false positives, suppress what you expect, or allow more.', 'how-to/tune-alerts'),
  protocols: h('Which protocols carried the bytes of this range.', 'Click one to see its flows. A protocol that you did not expect is worth a look.', 'reference/flow-formats'),
  talkers: h('Which hosts moved most bytes in this range.', 'Click one for its own past, peers and incidents.', 'how-to/watch-an-interface'),
  packets: h('The newest packets in memory, as they came. Older ones have left; those of an incident are kept with it.', 'Filter in Wireshark’s words, pause, open one for its layers, or save them as a capture.', 'reference/filters'),
  packet: h('One packet, layer by layer, with its bytes.', 'Choose a field to see its bytes; follow its flow for the whole conversation.', 'how-to/watch-an-interface'),
  flows: h('Every conversation that ended or was reported, with its score: 0 is usual, 1 is strangest.', 'Filter by field:value. Open one for both directions, every model’s view and what was expected.', 'reference/features'),
  flow: h('One conversation: both directions, what was seen inside, each value against what is usual here.', 'Values outside their range are why it was judged strange. Go on to its host, incident or packets.', 'reference/features'),
  incidents: h('What deserves a person’s look, worst and newest first. One incident gathers all evidence of one story.', 'j and k move, Enter opens, a acknowledges, f says it was a false alarm, s suppresses what you expect.', 'how-to/tune-alerts'),
  incident: h('What happened in one sentence, why it was noticed, who took part, and the packets kept as evidence.', 'Follow “What to do next”. Then acknowledge it, close it, or call it a false positive, so that the models learn.', 'reference/kinds#what-to-do'),
  hosts: h('Every host that was seen, with what it offers, how much it moved and how much danger it is in.', 'Sort by risk. Say which hosts matter to you: incidents on them weigh more.', 'how-to/tune-alerts'),
  host: h('One host against its own past: what it moved, whom it talked with, what it offers since when.', 'Name it and say how much it matters. A service that is new deserves a question to its owner.', 'how-to/tune-alerts'),
  scans: h('Scans that were made or imported, each with how many hosts and ports it found and what changed.', 'Open one for its hosts, or compare any two.', 'how-to/scan-a-network#see-what-changed'),
  scan: h('What one scan found, host by host, and what differs from the one before.', 'An open port that was not there before should have a reason.', 'how-to/scan-a-network#see-what-changed'),
  assets: h('The inventory: hosts and ports as scans found them, over time.', 'Open one for its ports with first and last sight, and who uses them.', 'how-to/scan-a-network#let-the-running-program-scan'),
  asset: h('One host of the inventory: its ports, versions, certificates and changes.', 'Close what nobody uses: the panel says which ports had traffic.', 'how-to/scan-a-network#on-the-page'),
  'scan-findings': h('Hosts of the newest scan that are unlike others or unlike their own past.', 'Each says which ports make it strange. Look at those first.', 'explanation/detection#scans'),
  'scan-state': h('Whether scanning is allowed, what runs now, and when the next one is due.', 'Nothing is scanned that scan.allow does not name. Scan only what you are permitted to.', 'how-to/scan-a-network#say-what-may-be-scanned'),
  captures: h('Files that were handed over, analysed apart from the live watch.', 'Drop a capture, an export or a log here; nothing of it enters the models or the history.', 'how-to/upload-a-capture'),
  capture: h('What is in one file: incidents with reasons, protocols, hosts.', 'Read the incidents first; with few flows only the exact detectors speak.', 'how-to/analyse-a-capture'),
  totals: h('This range against the same length before it: traffic, flows, incidents.', 'A large change without a known reason is worth a look at the hosts behind it.', 'how-to/reports'),
  'usual-week': h('This week hour by hour, against the middle of the weeks before it: the band holds the middle half of them.', 'An hour far outside the band is worth its flows. Before two weeks are stored no hour is called unusual.', 'how-to/reports'),
  heat: h('Each hour of each weekday: the darker, the more traffic or incidents it had in these weeks.', 'Choose an hour to look at its times. Work at night that nobody does is a good question.', 'how-to/reports'),
  kinds: h('Incidents over time by kind, those that you were told of.', 'Choose a bar to list its incidents. A kind that grows from week to week has a cause.', 'reference/kinds'),
  world: h('In which countries the hosts outside your networks are, by a database that you give.', 'Choose a country to see its flows. Addresses tell where a network is registered, not where a person sits.', 'how-to/countries'),
  users: h('Who may log in, and what each may do: look, work on incidents, or change everything.', 'Give each person a name of their own, and no more rights than they need.', 'how-to/users-and-login'),
  tokens: h('Keys for programs that use the API, each with its rights and its end.', 'A token is shown once. Revoke what nobody uses: each says when it was used last.', 'how-to/users-and-login#tokens-for-programs'),
  audit: h('Who changed what, when and from where; log-ins and failed ones too.', 'Many failed log-ins from one address are somebody who guesses.', 'how-to/users-and-login#who-did-what'),
  reports: h('What happened in a time, as a page of its own that can be kept and sent.', 'Make one now, or set when they are made by themselves.', 'how-to/reports'),
  models: h('Whether the models judge, what they learned from, and when they are renewed.', 'They renew themselves; train now only after the network has really changed.', 'how-to/live-with-the-models'),
  members: h('Each model of the ensemble: whether it may vote, its threshold and its speed.', 'A member that is silent did not keep its promised rate of false alarms here. Nothing needs to be done.', 'explanation/detection#admission'),
  agreement: h('How often the members agree on what is strange.', 'Members that always agree add little; that is no fault.', 'explanation/detection#combination'),
  stability: h('Each feature’s distribution now against what was learned from.', 'A feature above 0.25 has moved: new software, a new service, or another place of capture.', 'explanation/detection#renewal'),
  drift: h('Whether traffic has moved away from what was learned.', 'Drift starts a training by itself. Look for its cause when it comes again and again.', 'how-to/live-with-the-models#what-happens-by-itself'),
  challenge: h('The last examination: new models against those in place, on flows that neither had learned.', 'New models take their place only when they are no worse. Nothing needs to be done.', 'how-to/live-with-the-models#what-happens-by-itself'),
  data: h('The flows kept to learn from, spread over time.', 'Too few or from a short time: wait. Attacks among them are kept out by guard and by your verdicts.', 'how-to/live-with-the-models#limits'),
  versions: h('The last models of each kind, with when and why they were made.', 'If judging got worse after a renewal, put an earlier version back.', 'how-to/live-with-the-models#put-a-version-back'),
  events: h('What happened with the models: trainings, examinations, returns.', 'Compare its times with changes that you see in incidents.', 'how-to/live-with-the-models'),
  questions: h('Incidents of which your verdict would teach the models most.', 'A minute a day is enough: right, or false alarm.', 'how-to/live-with-the-models#say-what-an-incident-was'),
  suppressions: h('Rules and verdicts by which incidents are kept but not announced.', 'Take one back when its reason is gone: what it hid comes back.', 'how-to/tune-alerts#an-exact-detector-that-is-right-but-unwanted'),
  notifications: h('Who is told of incidents outside this page, and whether it arrives.', 'Send a test after each change. A failing channel says what the far side answered.', 'how-to/notifications'),
  presets: h('Settings that fit together for a kind of network.', 'Choose once; every value can be changed afterwards.', 'how-to/first-start'),
  changes: h('What was changed by hand, by time.', 'Compare with the time from which something looks different.', 'how-to/change-settings'),
  'threat-lists': h('Lists of addresses, domains and fingerprints that others found bad, and how fresh each is.', 'A list that could not be read keeps its old content; the reason stands beside it.', 'how-to/threat-lists'),
  'first-questions': h('The four questions of the first start, and the file that this page writes.', 'Answer them again when the network changes. What waits for a start is listed here.', 'how-to/first-start'),
  'set-budget': h('How many incidents of the learned models are announced.', 'Begin with few; allow more when you have time for them.', 'how-to/tune-alerts#fewer-or-more-incidents-of-the-models'),
  'set-messages': h('What messages carry and how long they wait for what belongs to them.', 'Set the address of this page as others reach it, so that messages link here.', 'how-to/notifications#when'),
  'set-detection': h('What detectors count as known, and from which size on they speak.', 'Change one value at a time, and look at the next days.', 'how-to/tune-alerts'),
  'set-retention': h('How long and how much history is kept.', 'The larger of time and room wins: the oldest goes first.', 'how-to/archive'),
  'set-network': h('Where data comes from and which networks are yours.', 'Interfaces and listeners hold from the next start on; home networks at once.', 'how-to/watch-an-interface'),
  'set-scanning': h('What may be scanned, how fast, and how often by itself.', 'Name only networks that you are permitted to scan.', 'how-to/scan-a-network#say-what-may-be-scanned'),
  'set-reports': h('When reports are made by themselves, and how many are kept.', 'A weekly one is a good beginning.', 'how-to/reports'),
  setup: h('Four questions that fit the program to your network.', 'Each can be left as it is. You see what will be written before it is.', 'how-to/first-start'),
  started: h('What is recognised already, and what needs time to learn.', 'Leave it running. The first incident of the learned models can come after the learning time.', 'how-to/first-start'),
};

/** By the kind of incident. */
export const KINDS: Record<string, HelpText> = {
  port_scan: h('One host asked many ports of another and was mostly refused: somebody looks for a way in.', 'Is it your own scanner? Suppress it. Else look at the source first: it may be taken over.', 'reference/kinds#what-to-do'),
  host_sweep: h('One host asked many hosts for the same service, mostly in vain.', 'Is it inventory or monitoring? Suppress it. Else separate the source and look at its programs.', 'reference/kinds#what-to-do'),
  brute_force: h('Many short log-ins that look alike, or that were refused.', 'Look whether one succeeded. Lock the source out, and ask for keys or a second factor.', 'reference/kinds#what-to-do'),
  flood: h('A receiver gets far more than it answers and ever got.', 'Is the service still there? Limit the sources before the narrow line, or ask your provider.', 'reference/kinds#what-to-do'),
  dns_tunnel: h('Names that a host asks look like data carried out through DNS.', 'Look which program asks. Block the domain at your resolver and examine the host.', 'reference/kinds#what-to-do'),
  dga: h('A host asks for many names that do not exist and look made up by a program.', 'That is how bad software finds its master. Examine the host.', 'explanation/detection#the-model-of-names'),
  beacon: h('A host calls the same outside service at regular times with messages of one size.', 'Updates and monitoring do so too: is the target known to you? If not, find the program.', 'reference/kinds#signs-of-a-home-made-channel'),
  arp_spoof: h('A device claims an address that another one holds: traffic may pass through it.', 'Find the device by its hardware address at the switch, and separate it.', 'reference/kinds#what-to-do'),
  exfiltration: h('A host sends far more to the outside than it ever did.', 'A backup, or a theft? Ask the owner; look at the target and the time.', 'reference/kinds#what-to-do'),
  lateral_movement: h('A host reaches others for administration as it never did.', 'Was an administrator at work? Else look who logged in where, and where it began.', 'reference/kinds#what-a-victim-does'),
  new_device: h('A device that was not there in the learning time.', 'Whose is it? Name it on its host page, or find it at the switch.', 'reference/kinds#what-to-do'),
  new_service: h('A host answers on a port on which it never answered.', 'Ask its owner. Close what nobody wanted.', 'reference/kinds#what-to-do'),
  port_change: h('A scan found a port open that was not, or gone that was there.', 'Compare with your changes of that day.', 'how-to/scan-a-network#see-what-changed'),
  host_down: h('A host that scans always found does not answer any more.', 'Is it switched off on purpose? Else look after it.', 'how-to/scan-a-network#see-what-changed'),
  volume: h('Traffic is far above what is usual at this time.', 'Look at the top talkers of the time: a backup, an update, or something else?', 'how-to/tune-alerts'),
  protocol_misuse: h('A protocol is used as it should not be: passwords in the clear, a second DHCP server, a hidden channel.', 'The reason names which. Most can be mended by a setting of the service.', 'reference/kinds#signs-of-a-home-made-channel'),
  anomalous_flow: h('Flows of a host are unlike everything that was learned here.', 'The values outside their range say how. Is it new and wanted? Say false positive, and it is learned.', 'explanation/detection#from-flows-to-incidents-a-cusum-for-each-host'),
  anomalous_host: h('A host’s minutes, or the course of an interface, are unlike its own past.', 'Compare with what changed there. Look at its newest peers.', 'explanation/detection#minutes-of-hosts'),
  anomalous_packets: h('Packets of a conversation are unlike the learned ones, byte by byte.', 'Open its packets: an odd header, a strange protocol, or a tool at work?', 'explanation/detection#packets'),
  imported_alert: h('Another tool, or a list of known bad things, says so.', 'Read what it says; the traffic around it is here.', 'how-to/threat-lists'),
  custom: h('A detector of your own raised it.', 'Its author knows what it means.', 'how-to/add-a-detector'),
};

/** Help by what it is asked for: a panel's name, or `kind:` and a kind. */
export const helpOf = (of: string): HelpText | undefined => (of.startsWith('kind:') ? KINDS[of.slice(5)] : PANELS[of]);
