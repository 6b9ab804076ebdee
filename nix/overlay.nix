# The two programs, the quickstart and the image, as packages among those of nixpkgs.
final: _: {
  server-scout = final.callPackage ./package.nix {
    pname = "server-scout";
    crates = [
      "server-scout"
      "server-scout-ui"
      "server-scout-wire"
    ];
    buildType = "release";
    description = "Dashboard of Server Scout, which watches a fleet of Linux servers";
  };

  server-scout-agent = final.callPackage ./package.nix {
    pname = "server-scout-agent";
    crates = [
      "server-scout-agent"
      "server-scout-wire"
    ];
    buildType = "agent";
    description = "Agent of Server Scout: collects a host's metrics and pushes them to a dashboard";
  };

  # Dashboard and agent for this machine, started together.
  server-scout-quickstart = final.writeShellScriptBin "server-scout-quickstart" ''
    export PATH=${final.server-scout-agent}/bin:$PATH
    exec ${final.server-scout}/bin/server-scout quickstart "$@"
  '';

  server-scout-container = final.callPackage ./container.nix { };
}
