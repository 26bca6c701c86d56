output "applications" {
  description = "The applications, as juju_application resources"
  value = {
    mongodb           = module.mongodb.application
    my_node_app       = module.my_node_app.application
    rsyslog_forwarder = module.rsyslog_forwarder.application
  }
}
