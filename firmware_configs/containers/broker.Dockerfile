# mosquitto with this project's settings: passwords and certificates are handed in at /etc/mosquitto.
FROM eclipse-mosquitto:2.0.22
RUN install -d -o mosquitto -g mosquitto /etc/mosquitto /etc/mosquitto/tls /var/lib/mosquitto
COPY firmware_configs/mosquitto/mosquitto.conf firmware_configs/mosquitto/acl /etc/mosquitto/
USER 1883
VOLUME /var/lib/mosquitto
EXPOSE 8883
HEALTHCHECK --interval=10s --timeout=3s --retries=3 CMD ["nc", "-z", "127.0.0.1", "1883"]
CMD ["/usr/sbin/mosquitto", "-c", "/etc/mosquitto/mosquitto.conf"]
