//! Executables as compilers write them: ELF64, little-endian, RISC-V, linked to fixed addresses.

use std::ops::Range;

/// The most program headers that are read.
pub const MAX_PROGRAM_HEADERS: u16 = 64;
/// The bytes of text that the machine can address.
pub const TEXT_WINDOW: u64 = 1 << 22;

const HEADER_BYTES: usize = 64;
const PROGRAM_HEADER_BYTES: u16 = 56;
const EXECUTABLE: u16 = 2;
const RISCV: u16 = 243;
const PT_LOAD: u32 = 1;
const PT_DYNAMIC: u32 = 2;
const PT_INTERP: u32 = 3;
const FLAG_EXECUTE: u32 = 1;
const FLAG_WRITE: u32 = 2;

/// Why a file is no program of this machine.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProgramError {
    /// The machine is asked for with a memory that it cannot have.
    #[error("a memory of 2^{0} bytes is outside 2^16 to 2^32; choose a size between")]
    MemorySize(u32),
    /// A header or a segment ends after the file does.
    #[error("{what} ends at byte {end}, and the file has {length}; fetch or link it again")]
    Truncated {
        /// What is cut off.
        what: &'static str,
        /// Where it ends.
        end: u64,
        /// The file's length.
        length: u64,
    },
    /// The file does not begin as ELF files do.
    #[error("the file begins with {0:02x?}, not with 7f 45 4c 46; give an ELF executable")]
    NotElf([u8; 4]),
    /// Not 64 bits wide.
    #[error("ELF class {0} is not 2 (64 bits); build for riscv64imac-unknown-none-elf")]
    Class(u8),
    /// Not little-endian.
    #[error(
        "ELF data encoding {0} is not 1 (little-endian); build for riscv64imac-unknown-none-elf"
    )]
    Endianness(u8),
    /// A version of the format that does not exist.
    #[error("ELF version {0} is not 1; link it again")]
    Version(u32),
    /// For another processor.
    #[error("ELF machine {0} is not 243 (RISC-V); build for riscv64imac-unknown-none-elf")]
    Machine(u16),
    /// An object, a library or a position-independent program.
    #[error(
        "ELF type {0} is not 2 (executable); link to fixed addresses, with relocation-model=static"
    )]
    Type(u16),
    /// Program headers of another size.
    #[error("program headers have {0} bytes, not 56; link it again")]
    HeaderSize(u16),
    /// More program headers than are read.
    #[error(
        "{0} program headers are more than the limit of 64; merge segments in the linker script"
    )]
    TooManyHeaders(u16),
    /// It wants a dynamic linker.
    #[error("the program header of type {0} asks for dynamic linking; link statically")]
    Dynamic(u32),
    /// A segment has more bytes in the file than in memory.
    #[error(
        "the segment at {address:#x} has {file} bytes in the file and {memory} in memory; link it again"
    )]
    SegmentSize {
        /// Where it is.
        address: u64,
        /// Its bytes in the file.
        file: u64,
        /// Its bytes in memory.
        memory: u64,
    },
    /// A segment that can be written and executed.
    #[error(
        "the segment at {0:#x} is writable and executable; give code and data segments of their own"
    )]
    WritableText(u64),
    /// A segment outside memory.
    #[error(
        "the segment at {address:#x} of {length} bytes leaves the memory of 2^{bits} bytes; link it lower"
    )]
    OutOfMemory {
        /// Where it is.
        address: u64,
        /// Its bytes in memory.
        length: u64,
        /// The size of memory as a power of two.
        bits: u32,
    },
    /// Two segments claim the same bytes.
    #[error("the segments at {0:#x} and {1:#x} overlap; move one in the linker script")]
    Overlap(u64, u64),
    /// Code that is too large, or too far apart.
    #[error(
        "text reaches over {0} bytes, and the machine addresses 4194304; make the program smaller"
    )]
    TextTooLarge(u64),
    /// Nothing that can be executed.
    #[error("no segment is executable; link a program with code")]
    NoText,
    /// An entry point between half-words.
    #[error("the entry point {0:#x} is odd; link it to an even address")]
    OddEntry(u64),
}

/// A part of memory that the file describes.
pub(crate) struct Segment<'a> {
    pub(crate) address: u64,
    /// Its bytes in memory; those after the file's are zero.
    pub(crate) length: u64,
    pub(crate) bytes: &'a [u8],
    pub(crate) executable: bool,
}

impl Segment<'_> {
    pub(crate) fn range(&self) -> Range<u64> {
        self.address..self.address + self.length
    }
}

/// A checked file.
pub(crate) struct Executable<'a> {
    pub(crate) entry: u64,
    /// By address; none is empty, no two overlap, all are inside memory.
    pub(crate) segments: Vec<Segment<'a>>,
}

/// Fixed-size fields at fixed places; the caller has checked that they are there.
struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn array<const N: usize>(&self, at: usize) -> [u8; N] {
        let mut out = [0; N];
        out.copy_from_slice(&self.0[at..at + N]);
        out
    }

    fn u16(&self, at: usize) -> u16 {
        u16::from_le_bytes(self.array(at))
    }

    fn u32(&self, at: usize) -> u32 {
        u32::from_le_bytes(self.array(at))
    }

    fn u64(&self, at: usize) -> u64 {
        u64::from_le_bytes(self.array(at))
    }
}

fn part<'a>(
    file: &'a [u8],
    what: &'static str,
    offset: u64,
    length: u64,
) -> Result<&'a [u8], ProgramError> {
    let end = offset.saturating_add(length);
    if end > file.len() as u64 {
        return Err(ProgramError::Truncated {
            what,
            end,
            length: file.len() as u64,
        });
    }
    Ok(&file[offset as usize..end as usize])
}

/// Reads and checks a file for a memory of 2^`bits` bytes.
pub(crate) fn parse(file: &[u8], bits: u32) -> Result<Executable<'_>, ProgramError> {
    if !(16..=32).contains(&bits) {
        return Err(ProgramError::MemorySize(bits));
    }
    let (entry, segments) = read(file)?;
    for segment in &segments {
        let end = segment.address.checked_add(segment.length);
        if end.is_none_or(|end| end > 1 << bits) {
            return Err(ProgramError::OutOfMemory {
                address: segment.address,
                length: segment.length,
                bits,
            });
        }
    }
    for two in segments.windows(2) {
        if two[0].range().end > two[1].address {
            return Err(ProgramError::Overlap(two[0].address, two[1].address));
        }
    }
    Ok(Executable { entry, segments })
}

/// The end of the last segment of a file that is otherwise sound.
pub(crate) fn end_of(file: &[u8]) -> Result<u64, ProgramError> {
    let (_, segments) = read(file)?;
    let ends = segments
        .iter()
        .map(|segment| segment.address.saturating_add(segment.length));
    Ok(ends.max().unwrap_or(0))
}

/// The entry point and the segments by address, before anything is known of memory.
fn read(file: &[u8]) -> Result<(u64, Vec<Segment<'_>>), ProgramError> {
    let header = Fields(part(file, "the ELF header", 0, HEADER_BYTES as u64)?);
    check_header(&header)?;
    let (entry, offset, count) = (header.u64(24), header.u64(32), header.u16(56));
    if !entry.is_multiple_of(2) {
        return Err(ProgramError::OddEntry(entry));
    }
    if count > MAX_PROGRAM_HEADERS {
        return Err(ProgramError::TooManyHeaders(count));
    }
    let size = header.u16(54);
    if count > 0 && size != PROGRAM_HEADER_BYTES {
        return Err(ProgramError::HeaderSize(size));
    }
    let table_bytes = u64::from(count) * u64::from(PROGRAM_HEADER_BYTES);
    let table = part(file, "the program header table", offset, table_bytes)?;
    let mut segments = Vec::new();
    for fields in table.chunks_exact(usize::from(PROGRAM_HEADER_BYTES)) {
        segments.extend(read_segment(file, &Fields(fields))?);
    }
    if !segments.iter().any(|segment| segment.executable) {
        return Err(ProgramError::NoText);
    }
    segments.sort_by_key(|segment| segment.address);
    Ok((entry, segments))
}

fn check_header(header: &Fields<'_>) -> Result<(), ProgramError> {
    let magic: [u8; 4] = header.array(0);
    if magic != *b"\x7fELF" {
        return Err(ProgramError::NotElf(magic));
    }
    let [class, data, version] = header.array(4);
    if class != 2 {
        return Err(ProgramError::Class(class));
    }
    if data != 1 {
        return Err(ProgramError::Endianness(data));
    }
    if version != 1 || header.u32(20) != 1 {
        return Err(ProgramError::Version(header.u32(20).max(version.into())));
    }
    if header.u16(18) != RISCV {
        return Err(ProgramError::Machine(header.u16(18)));
    }
    if header.u16(16) != EXECUTABLE {
        return Err(ProgramError::Type(header.u16(16)));
    }
    Ok(())
}

fn read_segment<'a>(
    file: &'a [u8],
    fields: &Fields<'_>,
) -> Result<Option<Segment<'a>>, ProgramError> {
    let (kind, flags) = (fields.u32(0), fields.u32(4));
    let (offset, address, in_file, in_memory) = (
        fields.u64(8),
        fields.u64(16),
        fields.u64(32),
        fields.u64(40),
    );
    if kind == PT_DYNAMIC || kind == PT_INTERP {
        return Err(ProgramError::Dynamic(kind));
    }
    if kind != PT_LOAD || (in_memory == 0 && in_file == 0) {
        return Ok(None);
    }
    if in_file > in_memory {
        return Err(ProgramError::SegmentSize {
            address,
            file: in_file,
            memory: in_memory,
        });
    }
    if flags & FLAG_EXECUTE != 0 && flags & FLAG_WRITE != 0 {
        return Err(ProgramError::WritableText(address));
    }
    Ok(Some(Segment {
        address,
        length: in_memory,
        bytes: part(file, "a segment", offset, in_file)?,
        executable: flags & FLAG_EXECUTE != 0,
    }))
}
