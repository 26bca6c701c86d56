# The applications and relations of bundle.yaml.

module "mongodb" {
  source     = "../charms/mongodb/terraform"
  charm_name = var.charm_names.mongodb
  channel    = var.channel
  model_uuid = var.model_uuid
  resources  = var.mongodb_resources
  # The members of one replica set. With three members, one may fail.
  units = 3
}

module "my_node_app" {
  source     = "../charms/my-node-app/terraform"
  charm_name = var.charm_names.my_node_app
  channel    = var.channel
  model_uuid = var.model_uuid
  units      = 2
}

module "rsyslog_forwarder" {
  source     = "../charms/rsyslog-forwarder/terraform"
  charm_name = var.charm_names.rsyslog_forwarder
  channel    = var.channel
  model_uuid = var.model_uuid
}

resource "juju_integration" "database" {
  model_uuid = var.model_uuid

  application {
    name     = module.my_node_app.application.name
    endpoint = module.my_node_app.requires.database
  }

  application {
    name     = module.mongodb.application.name
    endpoint = module.mongodb.provides.database
  }
}

resource "juju_integration" "logging" {
  model_uuid = var.model_uuid

  application {
    name     = module.my_node_app.application.name
    endpoint = module.my_node_app.provides.logging
  }

  application {
    name     = module.rsyslog_forwarder.application.name
    endpoint = module.rsyslog_forwarder.requires.logging
  }
}

resource "juju_integration" "juju_info" {
  model_uuid = var.model_uuid

  application {
    name = module.mongodb.application.name
    # Every charm has this endpoint without a declaration.
    endpoint = "juju-info"
  }

  application {
    name     = module.rsyslog_forwarder.application.name
    endpoint = module.rsyslog_forwarder.requires.juju-info
  }
}
