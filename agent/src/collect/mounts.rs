//! Space and files on the host's own file systems.

use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;

use rustix::fs::statvfs;
use server_scout_wire::{Label, Metric, Report};

use super::proc_file::ProcFile;
use super::root::Root;
use super::text::{fields, lines, number};
use super::{CollectError, MAX_NAMES};

/// Reads `/proc/self/mountinfo` and asks each file system that is in it.
pub struct Mounts {
    file: ProcFile,
    root: Root,
}

impl Mounts {
    /// Opens the file.
    pub fn new(root: &Root) -> io::Result<Self> {
        Ok(Self {
            file: root.open("proc/self/mountinfo")?,
            root: root.clone(),
        })
    }

    /// Adds what the first 64 local file systems hold.
    pub fn collect(&mut self, buffer: &mut Vec<u8>, report: &mut Report) -> io::Result<()> {
        let mounts = local(parse(self.file.read(buffer)?));
        for mount in mounts.into_iter().take(MAX_NAMES) {
            // A mount can be gone by now, or not be ours to look at.
            let Ok(space) = Space::of(&self.root, &mount.point) else {
                continue;
            };
            let label = Label::escaped(&String::from_utf8_lossy(&mount.point)).0;
            for (metric, value) in [
                (Metric::MountTotalBytes, Some(space.total)),
                (Metric::MountUsedBytes, Some(space.used)),
                (Metric::MountAvailableBytes, Some(space.available)),
                // Some file systems make inodes as they need them and say that they have none.
                (
                    Metric::MountInodes,
                    (space.inodes > 0).then_some(space.inodes),
                ),
                (
                    Metric::MountInodesUsed,
                    (space.inodes > 0).then_some(space.inodes_used),
                ),
                (Metric::MountReadOnly, Some(u64::from(mount.read_only))),
            ] {
                if let Some(value) = value {
                    report.push(metric, Some(label.clone()), value as f64);
                }
            }
        }
        Ok(())
    }
}

/// Space in use on the root file system, in percent of what ordinary users can use.
pub fn root_usage(root: &Root) -> Result<f64, CollectError> {
    let space = Space::of(root, b"/")
        .map_err(|why| CollectError::new("the root file system's space", why))?;
    let usable = space.used.saturating_add(space.available);
    if usable == 0 {
        // The root of a live system can be an image without a size.
        return Ok(0.0);
    }
    Ok(100.0 * space.used as f64 / usable as f64)
}

/// One line of the mount table.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Mount<'a> {
    /// The device's numbers.
    pub device: (u64, u64),
    /// Which directory of the file system is mounted; `/` is all of it.
    pub root: &'a [u8],
    /// Where it is mounted, unescaped.
    pub point: Vec<u8>,
    /// The file system's type.
    pub kind: &'a [u8],
    /// Whether the file system itself cannot be written.
    pub read_only: bool,
    /// Whether it cannot be written at this place. The agent's sandbox makes every mount read-only
    /// for the agent, which says nothing of the host.
    pub mounted_read_only: bool,
}

/// The lines of `/proc/self/mountinfo`. Lines that are none are skipped.
pub fn parse(text: &[u8]) -> impl Iterator<Item = Mount<'_>> {
    lines(text).filter_map(|line| {
        let mut fields = fields(line).skip(2);
        let device = fields.next()?;
        let colon = device.iter().position(|byte| *byte == b':')?;
        let device = (
            number(device.get(..colon)?)?,
            number(device.get(colon + 1..)?)?,
        );
        let root = fields.next()?;
        let point = unescape(fields.next()?);
        let is_read_only = |options: &[u8]| {
            options
                .split(|byte| *byte == b',')
                .any(|option| option == b"ro")
        };
        let mounted_read_only = is_read_only(fields.next()?);
        let mut of_file_system = fields.skip_while(|field| *field != b"-").skip(1);
        let kind = of_file_system.next()?;
        let read_only = of_file_system.nth(1).is_some_and(is_read_only);
        Some(Mount {
            device,
            root,
            point,
            kind,
            read_only,
            mounted_read_only,
        })
    })
}

/// The mounts that are reported, in the table's order: file systems on this host's own block
/// devices and `/`, whole ones, each once.
///
/// What is left out is pseudo (in memory, made by the kernel), remote or served by a program (asking
/// one that hangs would block the agent for ever), a read-only image that is always full, or a part
/// of a file system that is mounted elsewhere already.
pub fn local<'a>(mounts: impl Iterator<Item = Mount<'a>>) -> Vec<Mount<'a>> {
    let mut kept: Vec<Mount<'a>> = Vec::new();
    for mount in mounts {
        let is_root = mount.point == b"/";
        // A later mount hides an earlier one at the same place.
        kept.retain(|other| other.point != mount.point);
        if !is_root && !is_local(&mount) {
            continue;
        }
        match kept.iter_mut().find(|other| other.device == mount.device) {
            // Of several places of one file system the shortest is its home.
            Some(other) if other.point.len() <= mount.point.len() => {}
            Some(other) => *other = mount,
            None => kept.push(mount),
        }
    }
    kept
}

fn is_local(mount: &Mount<'_>) -> bool {
    let pooled = POOLED.contains(&mount.kind);
    // A file system that spans devices has a number of its own, of major 0 like the pseudo ones,
    // and is often mounted by its subvolumes.
    let on_device = mount.device.0 != 0 && mount.root == b"/";
    (pooled || on_device) && !IMAGES.contains(&mount.kind) && !mount.kind.starts_with(b"fuse")
}

struct Space {
    total: u64,
    used: u64,
    available: u64,
    inodes: u64,
    inodes_used: u64,
}

impl Space {
    fn of(root: &Root, point: &[u8]) -> io::Result<Self> {
        let relative = point.strip_prefix(b"/").unwrap_or(point);
        let figures = statvfs(root.path(OsStr::from_bytes(relative)))?;
        let bytes = |blocks: u64| blocks.saturating_mul(figures.f_frsize);
        Ok(Self {
            total: bytes(figures.f_blocks),
            used: bytes(figures.f_blocks.saturating_sub(figures.f_bfree)),
            available: bytes(figures.f_bavail),
            inodes: figures.f_files,
            inodes_used: figures.f_files.saturating_sub(figures.f_ffree),
        })
    }
}

/// Undoes the kernel's escapes: three octal digits after a backslash.
fn unescape(field: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(field.len());
    let mut rest = field;
    while let [first, tail @ ..] = rest {
        rest = match tail {
            [
                a @ b'0'..=b'3',
                b @ b'0'..=b'7',
                c @ b'0'..=b'7',
                after @ ..,
            ] if *first == b'\\' => {
                out.push((a - b'0') * 64 + (b - b'0') * 8 + (c - b'0'));
                after
            }
            _ => {
                out.push(*first);
                tail
            }
        };
    }
    out
}

/// Local file systems that span devices.
const POOLED: [&[u8]; 3] = [b"bcachefs", b"btrfs", b"zfs"];
/// Read-only images, full from the day they were made.
const IMAGES: [&[u8]; 4] = [b"erofs", b"iso9660", b"squashfs", b"udf"];
