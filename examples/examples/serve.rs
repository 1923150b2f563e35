//! Serves an engine that the program uses itself: what it pushes by a call, clients find over HTTP.

use loki_core::{Engine, PushRequest, Settings, TenantId};
use loki_http::{Server, ServerSettings};
use std::error::Error;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let engine = Engine::open(folder.path(), Settings::default())?;
    let settings = ServerSettings {
        port: 0, // one that is free
        ..ServerSettings::default()
    };
    let server = Server::bind(engine.clone(), settings).await?;
    let address = server.local_addr();
    let (stop, stopped) = oneshot::channel::<()>();
    let running = tokio::spawn(server.run(async {
        // A sender that is gone is a stop, too.
        let _ = stopped.await;
    }));

    // Calls of the engine block.
    let push = PushRequest::new().with_stream([("app", "shop")], [(1_000_000_000, "level=error msg=boom")]);
    let pushing = engine.clone();
    tokio::task::spawn_blocking(move || pushing.push(&TenantId::single(), &push)).await??;

    let mut client = TcpStream::connect(address).await?;
    let request = "GET /loki/api/v1/query_range?query=%7Bapp%3D%22shop%22%7D&start=1&end=2 HTTP/1.1\r\n\
                   Host: localhost\r\nConnection: close\r\n\r\n";
    client.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    client.read_to_string(&mut answer).await?;
    assert!(answer.contains("level=error msg=boom"), "{answer}");

    // The end of the server closes the engine.
    drop(stop);
    running.await??;
    assert!(
        engine
            .push(
                &TenantId::single(),
                &PushRequest::new().with_stream([("app", "x")], [(1, "late")])
            )
            .is_err()
    );
    Ok(())
}
