//! Something that a host may lack.

use std::io;

/// A reader, if the host has what it reads. Losing and regaining it is logged, not each reading.
pub(super) struct Source<T> {
    name: &'static str,
    reader: Option<T>,
    failing: bool,
}

impl<T> Source<T> {
    pub(super) fn new(name: &'static str, reader: io::Result<T>) -> Self {
        let reader = match reader {
            Ok(reader) => Some(reader),
            Err(why) if why.kind() == io::ErrorKind::NotFound => {
                tracing::debug!("this host has no {name}");
                None
            }
            Err(why) => {
                tracing::warn!(%why, "{name} cannot be read; its metrics are left out");
                None
            }
        };
        Self {
            name,
            reader,
            failing: false,
        }
    }

    pub(super) fn collect(&mut self, collect: impl FnOnce(&mut T) -> io::Result<()>) {
        let Some(reader) = &mut self.reader else {
            return;
        };
        match collect(reader) {
            Ok(()) if self.failing => tracing::info!("{} can be read again", self.name),
            Ok(()) => {}
            Err(why) if !self.failing => {
                tracing::warn!(%why, "{} cannot be read; its metrics are left out", self.name);
                self.failing = true;
                return;
            }
            Err(_) => return,
        }
        self.failing = false;
    }
}
