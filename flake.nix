{
  description = "Server Scout watches a fleet of Linux servers without becoming the way in";

  inputs.nixpkgs.url = "github:NixOS/nixpkgs/nixos-26.05";

  outputs =
    { self, nixpkgs }:
    let
      inherit (nixpkgs) lib;
      eachSystem = lib.genAttrs [
        "x86_64-linux"
        "aarch64-linux"
      ];
      packagesOf = system: nixpkgs.legacyPackages.${system}.extend self.overlays.default;
    in
    {
      overlays.default = import ./nix/overlay.nix;

      packages = eachSystem (
        system:
        let
          pkgs = packagesOf system;
        in
        {
          inherit (pkgs) server-scout server-scout-agent;
          container = pkgs.server-scout-container;
          default = pkgs.symlinkJoin {
            name = "server-scout-all";
            paths = [
              pkgs.server-scout
              pkgs.server-scout-agent
            ];
            meta.mainProgram = "server-scout";
          };
        }
      );

      # `nix run` starts a dashboard and an agent for this machine; it takes the options of `quickstart`.
      apps = eachSystem (system: {
        default = {
          type = "app";
          program = "${(packagesOf system).server-scout-quickstart}/bin/server-scout-quickstart";
          meta.description = "A dashboard and an agent for this machine, started together";
        };
      });

      nixosModules = {
        agent = import ./nix/with-packages.nix self.overlays.default ./nixos-module/agent.nix;
        dashboard = import ./nix/with-packages.nix self.overlays.default ./nixos-module/dashboard.nix;
        default.imports = [
          self.nixosModules.agent
          self.nixosModules.dashboard
        ];
      };

      devShells = eachSystem (
        system:
        let
          pkgs = packagesOf system;
        in
        {
          default = pkgs.mkShell {
            inputsFrom = [ pkgs.server-scout ];
            packages = [
              pkgs.chromedriver
              pkgs.chromium
              pkgs.clippy
              pkgs.nssTools
              pkgs.rust-analyzer
              pkgs.rustfmt
            ];
          };
        }
      );

      formatter = eachSystem (system: nixpkgs.legacyPackages.${system}.nixfmt);

      checks = eachSystem (
        system:
        let
          pkgs = packagesOf system;
        in
        {
          # Each with the tests of its crates.
          inherit (pkgs) server-scout server-scout-agent;
          units = import ./nix/units.nix { inherit nixpkgs pkgs self; };
          two-machines = pkgs.testers.runNixOSTest (import ./nix/two-machines.nix self);
        }
      );
    };
}
