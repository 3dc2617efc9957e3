// Every printf verb with every flag on every kind of value.
import type { OracleCase } from './oracle.ts';

const values: Readonly<Record<string, unknown>> = {
  int: 42,
  zero: 0,
  negative: -5,
  large: 1_234_567_890_123,
  float: 3.25159,
  whole: 1e21,
  small: 1.5e-7,
  tie: 2.5,
  text: 'hi "x"\n',
  wide: 'héé世',
  empty: '',
  yes: true,
  nothing: null,
  list: [1, 'a', 2.5, null, [true]],
  words: ['x', 'y z'],
  map: { b: [1], a: 'q', c: null },
};

const verbs = [...'vdboOxXcqUeEfFgGstTwzp'].filter((verb) => verb !== 'p');
const plain = ['', '5', '-8', '08', '.2', '8.3', '+', '#', ' ', '+.1', '-10.4', '010.2', '# ', '+q', '.0', '020'];

function each(): OracleCase[] {
  return Object.keys(values).flatMap((name) =>
    plain.map((flags) => {
      const template = verbs.map((verb) => `{{ printf "[%${flags}${verb}]" .${name} }}`).join(' ');
      return { name: `verbs-${name}-${flags}`, template, data: values };
    }),
  );
}

const formats = [
  '%%',
  '%d',
  '%!',
  '%é',
  '%5',
  '%v',
  '%',
  '%5%',
  'x%',
  '%d %d',
  '%d %d %d %d',
  '%[2]d %[1]d',
  '%[2]d %d',
  '%[3]d',
  '%[9]d',
  '%[x]d',
  '%[1',
  '%[]d',
  '%*d',
  '%-*d|',
  '%.*f',
  '%[2]*[1]d',
  '%99999999d',
  '%v %v',
  '%+v %#v %T',
  'no verbs',
  '%s %s',
  '%05s|%-5s|%5s|%.1s',
  '%6.2f|%-8.1e|%+g',
  '%x %X %#x % x',
  '%q %+q %#q',
  '%c %U %#U',
  '%08.3f',
  '%+05d|% 5d|%-05d',
];
const lists = ['1 2', '"a" "b"', '3 1.5', '5 "x" true', '1', '', 'nil .map', '.list .words', '1.25 2', '"héé" "世"'];

function combinations(): OracleCase[] {
  return formats.flatMap((format, index) =>
    lists.map((args, at) => ({
      name: `format-${index}-${at}`,
      template: `{{ printf ${JSON.stringify(format)} ${args} }}`,
      data: values,
    })),
  );
}

/** The corpus. */
export const verbCases: readonly OracleCase[] = [...each(), ...combinations()];
