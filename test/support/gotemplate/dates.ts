// Dates: layouts, zones, parsing, durations.
import type { OracleCase } from './oracle.ts';

const layouts = [
  '2006-01-02',
  '2006-01-02T15:04:05Z07:00',
  'Mon Jan _2 15:04:05 2006',
  'Monday, 02-Jan-06 15:04:05 MST',
  '3:04PM',
  '03:04:05 pm',
  '2006-002',
  '__2',
  '15h4m5s',
  '1/2/06',
  'January 2',
  '2006-01-02 15:04:05.000',
  '.999',
  '15:04:05,00',
  '-0700 -07:00 -07 -070000',
  'Z0700',
  '_2006',
  '20060102150405',
  'Janet',
  'Monk',
  '06 6 0 00 10',
  'MST',
  'noelements 7',
];
const times = [0, 1, 86399, 951782400, 1700000000, 1709164800, -1, -62135596800, 1234567890, 4102444800];
const zones = ['UTC', 'Local', 'Europe/Berlin', 'America/New_York', 'Asia/Kolkata', 'Nowhere/Bad', '', 'Asia/Shanghai'];

function formatting(): OracleCase[] {
  return layouts.flatMap((layout, index) =>
    times.flatMap((time, at) => {
      const data = { l: layout, t: time };
      const name = `layout-${index}-${at}`;
      const local = { name, template: '{{ date .l .t }}|{{ htmlDate .t }}', data };
      if (layout.includes('MST')) return [local]; // the abbreviations of zones are not known here
      return [
        local,
        ...zones.map((zone) => ({ name: `${name}-${zone}`, template: '{{ dateInZone .l .t .z }}', data: { ...data, z: zone } })),
      ];
    }),
  );
}

const parses = [
  ['2006-01-02', '2024-02-29'],
  ['2006-01-02', '2023-02-29'],
  ['2006-01-02', '2024-1-2'],
  ['2006-01-02', 'x'],
  ['2006-01-02', '2024-01-02x'],
  ['2006-01-02', '2024-13-02'],
  ['2006-1-2', '2024-1-2'],
  ['2006-01-02T15:04:05Z07:00', '2024-01-02T03:04:05Z'],
  ['2006-01-02T15:04:05Z07:00', '2024-01-02T03:04:05.123+02:00'],
  ['2006-01-02T15:04:05Z07:00', '2024-01-02T25:04:05Z'],
  ['Jan _2 2006', 'Feb  3 2020'],
  ['January 2, 2006', 'march 31, 2020'],
  ['Mon Jan 2 15:04:05 MST 2006', 'Tue Jan 2 03:04:05 UTC 2024'],
  ['3:04PM', '4:05PM'],
  ['3:04PM', '12:05AM'],
  ['2006-002', '2024-060'],
  ['06', '70'],
  ['06', '30'],
  ['15:04:05.000', '01:02:03.456'],
  ['15:04:05.999', '01:02:03.4567'],
  ['2006-01-02 -0700', '2024-01-02 +0530'],
  ['2006', '24'],
  ['', 'x'],
  ['', ''],
];

function parsing(): OracleCase[] {
  const printed = '{{ toDate .l .v | date "2006-01-02T15:04:05.000Z07:00" }} {{ toDate .l .v | unixEpoch }} {{ toDate .l .v }}';
  return parses.flatMap(([layout, value], index) => {
    const data = { l: layout, v: value };
    return [
      { name: `parse-${index}`, template: '{{ mustToDate .l .v }}', data },
      { name: `parsed-${index}`, template: printed, data },
    ];
  });
}

const durations = ['1h', '-1.5h', '90s', '1h30m10.5s', '300ms', '1us', '1ns', '', 'x', '0', '100000h', '1d', '.5s', '1.s', '1h-1m'];
const seconds = ['0', '1', '59', '60', '3600', '3661', '-5', '86400', '99999', 'x', '1.5'];
const start = 'toDate "2006-01-02" "2024-02-28"';

function moving(): OracleCase[] {
  const lenient = `{{ ${start} | dateModify .x }}|{{ durationRound .x }}|{{ duration .x }}`;
  const rounding =
    '{{ duration .x }} {{ duration (int64 .x) }} {{ durationRound (int64 .x) }} {{ durationRound (mul (int64 .x) 1000000000) }} {{ duration (int .x) }}';
  return [
    ...durations.map((x, index) => ({ name: `move-${index}`, template: lenient, data: { x } })),
    ...durations.map((x, index) => ({ name: `must-move-${index}`, template: `{{ ${start} | mustDateModify .x }}`, data: { x } })),
    ...seconds.map((x, index) => ({ name: `duration-${index}`, template: rounding, data: { x } })),
  ];
}

const methods: readonly OracleCase[] = [
  '{{ $t.Year }} {{ $t.Month }} {{ $t.Day }} {{ $t.Weekday }} {{ $t.YearDay }} {{ $t.Unix }} {{ $t.Format "06" }}',
  '{{ ($t.AddDate 0 1 3).Format "2006-01-02" }} {{ printf "%d %s %v %T" $t.Month $t.Month $t.Weekday $t.Month }}',
  '{{ $t | quote }} {{ $t | toString }} {{ typeOf $t }} {{ kindOf $t }}',
  '{{ $t.Foo }}',
  '{{ unixEpoch "x" }}',
  '{{ $t | toJson }} {{ list $t }} {{ dict "a" $t | toYaml }}{{ if $t }}t{{ end }}',
].map((template, index) => ({ name: `method-${index}`, template: `{{ $t := ${start} }}${template}` }));

/** The corpus. */
export const dateCases: readonly OracleCase[] = [...formatting(), ...parsing(), ...moving(), ...methods];
