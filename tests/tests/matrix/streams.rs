//! The live streams of everybody, while all organisations report and change.

use std::time::Duration;

use reqwest::{Method, Response};
use serde_json::json;
use server_scout_tests::wait::{PATIENCE, within};

use crate::actor::{self, Standing};
use crate::attempt::leak;
use crate::place::{Objects, World};

#[tokio::test(flavor = "multi_thread")]
async fn no_live_stream_tells_of_another_organisation() {
    let world = World::new().await;
    let mut streams = Vec::new();
    for actor in actor::members(&world, &world.ours).await {
        if matches!(actor.standing, Standing::Token(_, None)) {
            continue;
        }
        let request = actor.request(&world, Method::GET, "/api/v1/live");
        let response = request.send().await.expect("an answer");
        assert_eq!(response.status(), 200, "{}", actor.name);
        streams.push((actor.name, response));
    }
    // The first look at the statuses says nothing yet.
    tokio::time::sleep(Duration::from_millis(1500)).await;

    for place in [&world.foreign, &world.elsewhere, &world.ours] {
        world.report(place).await;
        let server = format!("/api/v1/servers/{}", place.standing["server"]);
        let paused = json!({ "paused": true });
        let changed = world.call(place, Method::PATCH, &server, Some(&paused));
        assert_eq!(changed.await.status, 200);
    }

    for (who, stream) in streams {
        let told = within("our own pause", PATIENCE, until_paused(stream)).await;
        assert!(told.contains("cpu_usage"), "{who}: {told}");
        let foreign = leak(&world, &told, &Objects::new());
        assert_eq!(foreign, None, "{who}: {told}");
    }
}

/// What a stream tells until it says that a server is paused, and a little more.
async fn until_paused(mut stream: Response) -> String {
    let mut told = String::new();
    loop {
        let patience = if told.contains("\"paused\"") {
            Duration::from_millis(100)
        } else {
            PATIENCE
        };
        match tokio::time::timeout(patience, stream.chunk()).await {
            Ok(Ok(Some(chunk))) => told.push_str(&String::from_utf8_lossy(&chunk)),
            _ => return told,
        }
    }
}
