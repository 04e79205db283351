//! A real program of a few hundred instructions: from one checkpoint to the next, as its input names them.
//!
//! It reads its input and the agreed checkpoint by their hashes, folds the entry's hash into the state root, works
//! for a while with loads, stores, multiplications and atomics, moves height and entry on, and commits to the result.

/// A, assembled by hand: registers by number.
struct Code(Vec<u32>);

const T0: u32 = 5;
const T1: u32 = 6;
const T2: u32 = 7;
const S0: u32 = 8;
const S1: u32 = 9;
const A0: u32 = 10;
const A1: u32 = 11;
const A7: u32 = 17;

/// Where the text lies.
const TEXT: u64 = 0x1000;
/// The input's four words.
const INPUT: u32 = 0x4000;
/// The checkpoint's ten words, in a block of sixteen leaves.
const CHECKPOINT: u32 = 0x6000;
/// Two leaves to hash.
const PAIR: u32 = 0x8000;

const HALT: i32 = 93;
const SET_KEY: i32 = 0x500;
const READ: i32 = 0x501;
const COMMIT: i32 = 0x502;
const KECCAK: i32 = 0x503;

impl Code {
    fn i(&mut self, opcode: u32, funct3: u32, rd: u32, rs1: u32, immediate: i32) {
        let word = ((immediate as u32 & 0xfff) << 20) | (rs1 << 15) | (funct3 << 12) | (rd << 7);
        self.0.push(word | opcode);
    }

    fn r(&mut self, funct7: u32, funct3: u32, opcode: u32, rd: u32, rs1: u32, rs2: u32) {
        let word = (funct7 << 25) | (rs2 << 20) | (rs1 << 15) | (funct3 << 12) | (rd << 7);
        self.0.push(word | opcode);
    }

    fn addi(&mut self, rd: u32, rs1: u32, immediate: i32) {
        self.i(0x13, 0, rd, rs1, immediate);
    }

    /// An address that is a multiple of 4096.
    fn page(&mut self, rd: u32, address: u32) {
        self.0.push(address | (rd << 7) | 0x37);
    }

    fn load(&mut self, rd: u32, base: u32, offset: i32) {
        self.i(0x03, 3, rd, base, offset);
    }

    fn load_byte(&mut self, rd: u32, base: u32, offset: i32) {
        self.i(0x03, 4, rd, base, offset);
    }

    fn store(&mut self, funct3: u32, source: u32, base: u32, offset: i32) {
        let offset = offset as u32;
        let word = ((offset >> 5 & 0x7f) << 25) | (source << 20) | (base << 15) | (funct3 << 12);
        self.0.push(word | ((offset & 0x1f) << 7) | 0x23);
    }

    /// Goes back by this many instructions unless the two are equal.
    fn unless_equal(&mut self, rs1: u32, rs2: u32, back: u32) {
        let offset = (back * 4).wrapping_neg();
        let (bit11, bit12) = (offset >> 11 & 1, offset >> 12 & 1);
        let word =
            (bit12 << 31) | ((offset >> 5 & 0x3f) << 25) | (rs2 << 20) | (rs1 << 15) | (1 << 12);
        self.0
            .push(word | ((offset >> 1 & 0xf) << 8) | (bit11 << 7) | 0x63);
    }

    fn call(&mut self, number: i32) {
        self.addi(A7, 0, number);
        self.0.push(0x73);
    }

    /// Reads `leaves` leaves of the key's preimage to the page at `address`.
    fn read(&mut self, address: u32, leaves: i32) {
        self.page(S0, address);
        self.addi(S1, S0, leaves * 32);
        self.addi(A7, 0, READ);
        self.addi(A0, S0, 0);
        self.0.push(0x73);
        self.addi(S0, S0, 32);
        self.unless_equal(S0, S1, 3);
    }

    /// Copies a leaf.
    fn copy(&mut self, from: (u32, i32), to: (u32, i32)) {
        for word in 0..4 {
            self.load(T0, from.0, from.1 + word * 8);
            self.store(3, T0, to.0, to.1 + word * 8);
        }
    }

    fn increment(&mut self, base: u32, offset: i32) {
        self.load_byte(T0, base, offset);
        self.addi(T0, T0, 1);
        self.store(0, T0, base, offset);
    }
}

fn code() -> Vec<u32> {
    let mut code = Code(Vec::new());
    code.read(INPUT, 4);
    code.page(T1, INPUT);
    code.addi(A0, 0, 1);
    code.addi(A1, T1, 64);
    code.call(SET_KEY);
    code.read(CHECKPOINT, 10);
    code.page(T1, INPUT);
    code.page(T2, CHECKPOINT);
    code.page(S0, PAIR);
    // A little work on the entry's hash: seven rounds of multiply, xor, atomic add.
    code.load(S1, T1, 96);
    code.addi(A1, 0, 7);
    code.r(1, 0, 0x33, S1, S1, S1);
    code.r(0, 4, 0x33, S1, S1, A1);
    code.r(0, 3, 0x2f, T0, S0, S1);
    code.addi(A1, A1, -1);
    code.unless_equal(A1, 0, 4);
    // The state's next root.
    code.copy((T2, 0), (S0, 0));
    code.load(T0, S0, 0);
    code.copy((T1, 96), (S0, 32));
    code.addi(A0, S0, 0);
    code.addi(A1, 0, 64);
    code.call(KECCAK);
    code.copy((S0, 0), (T2, 0));
    // Big-endian counts, in the last bytes of their words.
    code.increment(T2, 2 * 32 + 31);
    code.increment(T2, 6 * 32 + 31);
    code.addi(A0, T2, 0);
    code.addi(A1, 0, 320);
    code.call(KECCAK);
    code.addi(A0, T2, 0);
    code.call(COMMIT);
    code.addi(A0, 0, 0);
    code.call(HALT);
    code.0
}

/// The program as an executable file: one segment of text.
pub(crate) fn elf() -> Vec<u8> {
    const HEADERS: u64 = 64 + 56;
    let text: Vec<u8> = code().iter().flat_map(|word| word.to_le_bytes()).collect();
    let mut file = vec![0x7f, b'E', b'L', b'F', 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let mut put = |bytes: &[u8]| file.extend_from_slice(bytes);
    // An executable for RISC-V, version 1.
    put(&2_u16.to_le_bytes());
    put(&243_u16.to_le_bytes());
    put(&1_u32.to_le_bytes());
    put(&TEXT.to_le_bytes());
    put(&64_u64.to_le_bytes());
    put(&[0; 12]);
    for size in [64_u16, 56, 1, 64, 0, 0] {
        put(&size.to_le_bytes());
    }
    // One segment: loaded, readable, executable.
    put(&1_u32.to_le_bytes());
    put(&5_u32.to_le_bytes());
    let length = text.len() as u64;
    for word in [HEADERS, TEXT, TEXT, length, length, 4] {
        put(&word.to_le_bytes());
    }
    file.extend(text);
    file
}
