//! The `loki` program.

use loki_core::{Engine, Recovery};
use loki_http::config::{Action, CommandLine, Config, Error};
use loki_http::{Server, log};
use std::io::Write;
use std::process::ExitCode;
use tokio::signal::unix::{SignalKind, signal};

fn main() -> ExitCode {
    let line = match CommandLine::parse(std::env::args().skip(1)) {
        Ok(line) => line,
        Err(error) => return refuse(&error),
    };
    if line.action == Action::Version {
        return say(&format!("loki, version {}", env!("CARGO_PKG_VERSION")));
    }
    let config = match Config::load(&line) {
        Ok(config) => config,
        Err(error) => return refuse(&error),
    };
    if line.action == Action::Verify {
        let warnings: String = config
            .warnings
            .iter()
            .map(|warning| format!("warning: {warning}\n"))
            .collect();
        return say(&format!("{warnings}config is valid"));
    }
    match run(config) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(%error, "stopped");
            ExitCode::FAILURE
        }
    }
}

fn run(config: Config) -> Result<(), Box<dyn std::error::Error>> {
    let level = log::init(config.log_level, config.log_format);
    for warning in &config.warnings {
        tracing::warn!("configuration: {warning}");
    }
    let engine = Engine::open(&config.data_dir, config.engine)?;
    report(engine.recovery());
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let server = Server::bind_with_level(engine.clone(), config.server, level).await?;
        tracing::info!(address = %server.local_addr(), data = %config.data_dir.display(), "listening");
        tokio::spawn(config.runtime.follow(engine));
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        server
            .run(async move {
                tokio::select! {
                    _ = terminate.recv() => {}
                    _ = interrupt.recv() => {}
                }
                tracing::info!("stopping");
            })
            .await?;
        tracing::info!("stopped");
        Ok(())
    })
}

/// Says what the open of the engine found.
fn report(recovery: &Recovery) {
    tracing::info!(
        pushes = recovery.records,
        entries = recovery.entries,
        "replayed the write-ahead log"
    );
    if recovery.torn_bytes > 0 {
        tracing::warn!(
            bytes = recovery.torn_bytes,
            "cut off a push that was being written and never acknowledged"
        );
    }
    for file in &recovery.damaged {
        tracing::error!(
            file = %file.path.display(),
            unreadable_bytes = file.bytes,
            lost_pushes = file.pushes,
            "damaged file set aside"
        );
    }
}

/// Prints to standard output.
fn say(text: &str) -> ExitCode {
    match writeln!(std::io::stdout(), "{text}") {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

/// Prints to standard error.
fn refuse(error: &Error) -> ExitCode {
    // Without a place to write to, the exit code says it all.
    let _ = writeln!(std::io::stderr(), "{error}");
    ExitCode::from(2)
}
