output "application" {
  description = "The application, as a juju_application resource"
  value       = juju_application.this
}

output "provides" {
  description = "Names of the endpoints that the charm provides"
  value = {
    website = "website"
    logging = "logging"
  }
}

output "requires" {
  description = "Names of the endpoints that the charm requires"
  value = {
    database = "database"
  }
}
