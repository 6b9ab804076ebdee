//! `run`: collect and push until told to end.

use std::path::Path;
use std::time::Duration;

use server_scout_wire::report::Boot;
use server_scout_wire::{Identity, Tier};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval, interval_at, sleep};

use crate::StartError;
use crate::backoff::{Backoff, random_unit};
use crate::collect::{Collector, Due, Root};
use crate::config::{Environment, Settings};
use crate::confine::Held;
use crate::dashboard::Dashboard;
use crate::end::End;
use crate::journal::Journal;
use crate::key::KeySource;
use crate::push::{Pusher, Queue};
use crate::spool::Spool;
use crate::spool::disk::{Disk, Options};
use crate::systemd;
use crate::tiers::Tiers;

/// Runs the agent, of which `held` holds, until it is told to end.
pub async fn run(
    settings: &Settings,
    environment: &Environment,
    held: Option<&Held>,
    mut end: End,
) -> Result<(), StartError> {
    let url = settings.url()?;
    let key_source = settings.key_source(environment)?;
    let key = key_source.read()?;
    warn_if_exposed(&key_source, environment);
    let dashboard = Dashboard::new(&url, settings.anchor())?;
    let journal = Journal::new(dashboard.host().to_owned());
    let queue = Queue::new(open_spool(settings.state_dir()));

    let mut sampler = Sampler::new(settings, held, &queue)?;
    sleep(FIRST_READING).await;
    sampler.sample()?;
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        interval = sampler.interval.as_secs(),
        "reporting to {url}"
    );
    systemd::ready("Collecting; the first report is on its way");

    let asked = signal(SignalKind::user_defined1()).map_err(StartError::Signal)?;
    let (stop, stopping) = watch::channel(false);
    let pusher = Pusher::new(
        &queue,
        dashboard,
        (key, key_source),
        Backoff::new(random_unit),
        journal,
    );
    let collecting = async {
        tokio::select! {
            () = sampler.run(asked) => {}
            () = watchdog() => {}
            () = end.wait() => {}
        }
        tracing::info!("ending");
        systemd::stopping();
        // The pusher listens as long as it has something to do.
        let _ = stop.send(true);
    };
    tokio::join!(collecting, pusher.run(stopping));
    Ok(())
}

/// The spool in `state_dir`. Where there is none, or it cannot be used, reports are collected and
/// sent all the same.
fn open_spool(state_dir: Option<&Path>) -> Spool {
    let Some(state_dir) = state_dir else {
        tracing::warn!(
            "no state directory is given (SERVERSCOUT_STATE_DIR); reports that cannot be sent wait \
             in memory and do not outlive the agent"
        );
        return Spool::new(MEMORY_BYTES);
    };
    let disk = match Disk::open(state_dir, Options::default()) {
        Ok(disk) => disk,
        Err(why) => {
            tracing::warn!(
                "the spool cannot be used: {why}; reports that cannot be sent wait in memory and do \
                 not outlive the agent"
            );
            return Spool::new(MEMORY_BYTES);
        }
    };
    if disk.damaged() > 0 {
        tracing::warn!(
            places = disk.damaged(),
            "the spool was damaged; what could not be read is passed over"
        );
    }
    if disk.reports() > 0 {
        tracing::info!(
            reports = disk.reports(),
            "reports of an earlier start wait on disk"
        );
    }
    Spool::on_disk(MEMORY_BYTES, disk)
}

/// Says so when others than the key file's owner may read it.
pub fn warn_if_exposed(key_source: &KeySource, environment: &Environment) {
    let credentials = environment.get("CREDENTIALS_DIRECTORY");
    if let Some((path, mode)) = key_source.exposed(credentials.as_deref().map(Path::new)) {
        tracing::warn!(
            "the agent key in {} can be read by other users (mode {mode:o}); make it 0600",
            path.display()
        );
    }
}

/// Makes reports on time, whatever the way to the dashboard is like.
struct Sampler<'a> {
    collector: Collector,
    tiers: Tiers,
    start: Instant,
    identity: Identity,
    interval: Duration,
    queue: &'a Queue,
    failing: bool,
}

impl<'a> Sampler<'a> {
    fn new(settings: &Settings, held: Option<&Held>, queue: &'a Queue) -> Result<Self, StartError> {
        let boot = getrandom::u64().map_err(StartError::Random)?;
        let mut options = settings.options().clone();
        options.landlock = held.map(|held| held.landlock);
        Ok(Self {
            collector: Collector::new(Root::host(), options)?,
            tiers: Tiers::new(settings.periods()),
            start: Instant::now(),
            identity: Identity {
                boot: Boot(boot),
                seq: 0,
            },
            interval: settings.periods().of(Tier::Fast),
            queue,
            failing: false,
        })
    }

    /// Makes the next report with the tiers that are due.
    fn sample(&mut self) -> Result<(), StartError> {
        let due = self.tiers.advance(self.start.elapsed());
        self.make(due)
    }

    fn make(&mut self, due: Due) -> Result<(), StartError> {
        let report = self.collector.collect(self.identity, due)?;
        self.identity.seq += 1;
        self.queue.push(report.to_json());
        Ok(())
    }

    async fn run(&mut self, mut asked: Signal) {
        // Half an interval to one and a half: agents that were started together report apart.
        let phase = self.interval.mul_f64(0.5 + random_unit());
        let mut ticks = interval_at(Instant::now() + phase, self.interval);
        // After a suspended hour there is one report to make, not seven hundred, and the phase stays.
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            let made = tokio::select! {
                _ = ticks.tick() => self.sample(),
                // Somebody asks for every tier now; what is due later stays due.
                _ = asked.recv() => self.make(Due::ALL),
            };
            match made {
                Ok(()) if self.failing => {
                    tracing::info!("reports are made again");
                    self.failing = false;
                }
                Err(why) if !self.failing => {
                    tracing::error!("no report can be made: {why}");
                    self.failing = true;
                }
                Ok(()) | Err(_) => {}
            }
        }
    }
}

/// Tells the service manager that this thread, which does everything, still turns.
async fn watchdog() {
    let Some(period) = systemd::watchdog_period() else {
        return std::future::pending().await;
    };
    let mut ticks = interval(period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        systemd::alive();
    }
}

/// Between the first two readings of the CPU's counters: long enough for a percentage to mean
/// something.
pub const FIRST_READING: Duration = Duration::from_millis(250);

/// What may wait in memory where there is no disk: some three thousand reports, four hours at five
/// seconds.
const MEMORY_BYTES: usize = 4 * 1024 * 1024;
