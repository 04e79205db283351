//! Modules out of any bytes: whatever the bytes, the module is valid, and does much of what a contract can do, with
//! arguments that are mostly wrong. Used by a test and, as it is, by a fuzz target.

/// What the chain offers: the name, the parameters and the result, `i` for 32 bits and `l` for 64.
const HOST: [(&str, &str, &str); 28] = [
    ("input_len", "", "i"),
    ("input", "iii", ""),
    ("output", "ii", ""),
    ("revert", "ii", ""),
    ("storage_read", "iii", "i"),
    ("storage_write", "iii", ""),
    ("caller", "i", ""),
    ("address", "i", ""),
    ("value", "i", ""),
    ("balance", "ii", ""),
    ("block_number", "", "l"),
    ("block_time", "", "l"),
    ("chain_id", "", "l"),
    ("gas_left", "", "l"),
    ("transfer", "ii", "i"),
    ("call", "iiiil", "i"),
    ("call_static", "iiil", "i"),
    ("returned_len", "", "i"),
    ("returned", "iii", ""),
    ("log", "iiii", ""),
    ("keccak256", "iii", ""),
    ("read_input", "ii", "i"),
    ("storage_add", "ii", "i"),
    ("storage_sub", "ii", "i"),
    ("add", "iii", "i"),
    ("sub", "iii", "i"),
    ("mul", "iii", "i"),
    ("div", "iii", "i"),
];
/// Functions of its own, the first of which is `call`.
const FUNCTIONS: u8 = 3;
/// Locals of each kind: 0 to 3 have 32 bits, 4 to 7 have 64.
const LOCALS: u8 = 4;
const NUMBERS: [i64; 16] = [
    0,
    1,
    2,
    4,
    20,
    31,
    32,
    64,
    255,
    4_096,
    32_768,
    65_504,
    65_535,
    65_536,
    i32::MAX as i64,
    -1,
];

/// A module out of these bytes.
pub(crate) fn module(data: &[u8]) -> Vec<u8> {
    let types: Vec<(&str, &str)> = HOST
        .iter()
        .map(|(_, takes, gives)| (*takes, *gives))
        .collect();
    let mut out = b"\0asm\x01\0\0\0".to_vec();
    let list = |items: Vec<Vec<u8>>| {
        let mut body = vec![items.len() as u8];
        body.extend(items.concat());
        body
    };
    let kind = |letter: char| if letter == 'i' { 0x7f } else { 0x7e };
    let signature = |(takes, gives): (&str, &str)| {
        let mut body = vec![0x60, takes.len() as u8];
        body.extend(takes.chars().map(kind));
        body.push(gives.len() as u8);
        body.extend(gives.chars().map(kind));
        body
    };
    // The last type is that of its own functions.
    let all = types.iter().copied().chain([("", "")]);
    section(&mut out, 1, &list(all.map(signature).collect()));
    let named = |name: &str| [&[name.len() as u8], name.as_bytes()].concat();
    let imports = HOST
        .iter()
        .zip(0..)
        .map(|((name, ..), ty)| [named("plasma"), named(name), vec![0, ty]].concat());
    section(&mut out, 2, &list(imports.collect()));
    let own = HOST.len() as u8;
    section(&mut out, 3, &list(vec![vec![own]; FUNCTIONS.into()]));
    section(&mut out, 4, &[1, 0x70, 0, 4]);
    section(&mut out, 5, &[1, 1, 1, 3]);
    section(
        &mut out,
        6,
        &[2, 0x7f, 1, 0x41, 9, 0x0b, 0x7e, 1, 0x42, 7, 0x0b],
    );
    section(
        &mut out,
        7,
        &list(vec![[named("call"), vec![0, own]].concat()]),
    );
    section(&mut out, 9, &[1, 0, 0x41, 1, 0x0b, 2, own + 1, own + 2]);
    let length = data.len().div_ceil(FUNCTIONS.into()).max(1);
    let mut parts = data.chunks(length);
    let bodies = (0..FUNCTIONS).map(|_| {
        let mut body = vec![2, LOCALS, 0x7f, LOCALS, 0x7e];
        Body::new(parts.next().unwrap_or_default()).write(&mut body);
        let mut sized = Vec::new();
        number(&mut sized, body.len() as u64);
        sized.extend(body);
        sized
    });
    section(&mut out, 10, &list(bodies.collect()));
    section(
        &mut out,
        11,
        &[1, 0, 0x41, 16, 0x0b, 4, b'd', b'a', b't', b'a'],
    );
    out
}

fn section(out: &mut Vec<u8>, id: u8, body: &[u8]) {
    out.push(id);
    number(out, body.len() as u64);
    out.extend_from_slice(body);
}

fn number(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

fn signed(out: &mut Vec<u8>, mut number: i64) {
    loop {
        let byte = (number & 0x7f) as u8;
        number >>= 7;
        let done = (number == 0 && byte & 0x40 == 0) || (number == -1 && byte & 0x40 != 0);
        out.push(if done { byte } else { byte | 0x80 });
        if done {
            break;
        }
    }
}

/// A function's body: statements, each of which leaves nothing on the stack.
struct Body<'a> {
    data: core::slice::Iter<'a, u8>,
}

impl<'a> Body<'a> {
    fn new(data: &'a [u8]) -> Self {
        Self { data: data.iter() }
    }

    fn next(&mut self) -> u8 {
        self.data.next().copied().unwrap_or_default()
    }

    fn get(&mut self, letter: char) -> [u8; 2] {
        let first = if letter == 'i' { 0 } else { LOCALS };
        [0x20, first + self.next() % LOCALS]
    }

    fn set(&mut self, letter: char) -> [u8; 2] {
        let [_, local] = self.get(letter);
        [0x21, local]
    }

    fn write(&mut self, out: &mut Vec<u8>) {
        let mut open = 0;
        while self.data.len() > 0 {
            match self.next() % 20 {
                0..=2 => {
                    let (wide, which) = (self.next() & 1, self.next());
                    out.push(0x41 + wide);
                    signed(out, NUMBERS[usize::from(which) % NUMBERS.len()]);
                    out.extend(self.set(if wide == 0 { 'i' } else { 'l' }));
                }
                3 => self.binary(out, 'i', 0x6a),
                4 => self.binary(out, 'l', 0x7c),
                5 => {
                    out.extend(self.get('i'));
                    out.extend([0x29, 0, self.next() & 0x7f]);
                    out.extend(self.set('l'));
                }
                6 => {
                    out.extend(self.get('i'));
                    out.extend(self.get('l'));
                    out.extend([0x37, 0, self.next() & 0x7f]);
                }
                7 => {
                    for _ in 0..3 {
                        out.extend(self.get('i'));
                    }
                    let copy: &[u8] = if self.next() & 1 == 0 {
                        &[0x0a, 0, 0]
                    } else {
                        &[0x0b, 0]
                    };
                    out.push(0xfc);
                    out.extend(copy);
                }
                8 => {
                    out.extend(self.get('i'));
                    out.extend([0x40, 0]);
                    out.extend(self.set('i'));
                }
                9..=12 => {
                    let which = self.next() % HOST.len() as u8;
                    let (_, takes, gives) = HOST[usize::from(which)];
                    for letter in takes.chars() {
                        out.extend(self.get(letter));
                    }
                    out.extend([0x10, which]);
                    if let Some(letter) = gives.chars().next() {
                        out.extend(self.set(letter));
                    }
                }
                13 => {
                    out.extend([0x03, 0x40]);
                    open += 1;
                }
                14 => {
                    out.extend(self.get('i'));
                    out.extend([0x04, 0x40]);
                    open += 1;
                }
                15 if open > 0 => {
                    out.push(0x0b);
                    open -= 1;
                }
                16 if open > 0 => {
                    out.extend(self.get('i'));
                    out.extend([0x0d, self.next() % open]);
                }
                17 => match self.next() % 4 {
                    0 => out.extend([0x10, HOST.len() as u8 + self.next() % FUNCTIONS]),
                    1 => {
                        out.extend(self.get('i'));
                        out.extend([0x11, HOST.len() as u8, 0]);
                    }
                    // A table of branches, out of the function too.
                    2 => {
                        out.extend([0x02, 0x40]);
                        out.extend(self.get('i'));
                        out.extend([0x0e, 2, 0, self.next() % (open + 2), open + 1, 0x0b]);
                    }
                    _ => {
                        out.extend(self.get('l'));
                        out.extend([0x24, 1, 0x23, 0]);
                        out.extend(self.set('i'));
                    }
                },
                18 if self.next() < 40 => {
                    out.extend([
                        0x02,
                        0x40,
                        if self.next() & 1 == 0 { 0x00 } else { 0x0f },
                        0x0b,
                    ]);
                }
                _ => out.push(0x01),
            }
            if open > 60 {
                break;
            }
        }
        out.extend(vec![0x0b; usize::from(open) + 1]);
    }

    /// An operation on two numbers, out of the fifteen that begin with this one.
    fn binary(&mut self, out: &mut Vec<u8>, letter: char, first: u8) {
        out.extend(self.get(letter));
        out.extend(self.get(letter));
        out.push(first + self.next() % 15);
        out.extend(self.set(letter));
    }
}
