"""The sentences of manual O, to be found again in what the catalogue publishes."""

from __future__ import annotations

import re

TOWN = "Municipio de Ejemplo"
# The manual, in the order of its pages; what names its municipality names ours.
SENTENCES = f"""
MANUAL DE SERVICIOS
2024-2027
INTRODUCCIÓN
OBJETIVO DEL MANUAL DE SERVICIOS
INVENTARIO DE SERVICIOS
DESCRIPCIÓN DE SERVICIOS
COMPROMISOS DE CALIDAD
MECANISMOS ANTE INCUMPLIMIENTO
DESCRIPCIÓN Y FINALIDAD DEL SERVICIO
REQUISITOS PARA OBTENER LA PRESTACIÓN DEL SERVICIO
VIGENCIA
LUGAR, MEDIOS DE GESTIÓN Y HORARIO
Características
Temporalidad
Costo
Dependencia
Proceso
Servicio
Beneficiario
DIAGRAMA DE FLUJO
FUNDAMENTO LEGAL
TRANSITORIOS
AUTORIZACIONES
ELABORADO POR:
El Manual de Servicios es un instrumento de La Dirección de Innovación Gubernamental del {TOWN}, que sirve para dar a conocer los servicios sustantivos que proporciona la Dependencia conforme a su competencia de desempeño, el cual debe ser transparente en el manejo de los recursos de la Administración Pública, así como velar el actuar del servidor público municipal de acuerdo a lo establecido en la legislación aplicable; para llevar a cabo esta función se realizan tareas de organización, administración, y construcción de relaciones con el usuario del servicio.
En consecuencia, a lo anterior, para esta Dirección de Innovación Gubernamental es importante que la ciudadanía cuente con información transparente y necesaria en cuanto a sus servicios de soporte técnico y asesoría para los servidores públicos para garantizar que las computadoras y redes funcionen de manera eficiente.
Innovar, diseñar, implementar y gestionar los recursos tecnológicos y operativos; así como el personal especializado para asesorar y facilitar las herramientas tecnológicas necesarias; para el desempeño de la Administración Pública Municipal y su interacción con la ciudadanía; a fin de proporcionar de manera eficiente, eficaz, oportuna y segura, los servicios de voz y datos, además del uso y funcionamiento adecuado de las herramientas tecnológicas y la seguridad de la información.
Recepción de solicitudes por parte del usuario, vía telefónica o por escrito.
Usuario(s) que requiere el servicio.
NOMBRE DEL SERVICIO: MANTENIMIENTO PREVENTIVO
NOMBRE DEL SERVICIO: SOPORTE TÉCNICO
NOMBRE DEL SERVICIO: IMPRESIÓN DE CREDENCIALES
NOMBRE DEL SERVICIO: DESARROLLO DE PLATAFORMAS WEB
NOMBRE DEL SERVICIO: ASESORÍAS
NOMBRE DEL SERVICIO: IMPLEMENTACIÓN DE SOLUCIÓN TECNOLÓGICA (PROYECTOS)
Realizar actividades de mantenimiento programadas regularmente para ayudar a prevenir fallos inesperados en el futuro.
Presentar o formular la solicitud vía telefónica o por escrito, a la Dirección de Innovación Gubernamental.
No aplica.
Para la recepción de quejas y denuncias podrá acudir a la oficina de Innovación Gubernamental, o vía telefónica al 925 99 40 ext. 1004.
Domicilio: Hidalgo #65 al interior Presidencia Municipal (planta alta).
Colonia: Centro.
Horario: De lunes a viernes de 09:00 a 15:00 horas.
Manera eficiente a través de la cual el usuario puede ejecutar la solución preventiva al área en cuestión para una problemática técnica que pueda disminuir o eliminar la interrupción de las actividades.
Atención inmediata para su derivación a las áreas que correspondan.
Acudir a Coordinación general de innovación gubernamental a levantar la queja o reporte.
Brindar asistencia técnica para dar solución a problemas técnicos en equipos de cómputo y software.
Manera eficiente a través de la cual el usuario puede ejecutar la solución al área en cuestión una problemática técnica que le aqueje en particular.
Impresión de credenciales oficiales para los empleados del {TOWN} y elementos adscritos a la Comisaría de la Policía Preventiva y Vialidad Municipal, para su identificación.
Presentar o formular la solicitud por escrito, a la Dirección de Administración y Recursos Humanos.
Al final de la administración.
Manera eficiente a través de la cual el usuario puede ejecutar la expedición de las credenciales al área en cuestión.
5 minutos por cada credencial.
Acudir a Dirección General de Innovación Gubernamental a levantar la queja o reporte.
Proceso que involucra la planificación, el diseño, la programación y el mantenimiento de sitios web. Su objetivo principal es crear una página web que sea visualmente atractiva, funcional y accesible para los usuarios.
Presentar o formular la solicitud por escrito, a la Dirección de Innovación Gubernamental.
Manera eficiente a través de la cual el usuario puede ejecutar la solución al área en cuestión una problemática que le aqueje en particular.
Puede variar 1 semana a 3 meses aproximadamente (depende del proyecto).
Gratuito
Brindar asesorías técnicas para facilitar y mejorar las habilidades en el trabajo del usuario y a la vez ellos puedan dar un mejor servicio a la ciudadanía.
Notificar el problema técnico o tema competente al área de innovación y solicitar la asesoría, por vía telefónica o presencial al área de Innovación Gubernamental.
Manera eficiente a través de la cual el usuario puede ejecutar la solución al área en cuestión una problemática técnica, o solicitud de asesoría que le aqueje en particular, temas competentes a innovación.
Atención inmediata.
Proceso que involucra la planificación, el diseño, la programación, implementación y mantenimiento del proyecto. Su objetivo principal es implementar soluciones tecnológicas para mejorar, facilitar los procesos, actividades y/o funciones, de las diferentes dependencias de gobierno del {TOWN}, funcional y accesible para los usuarios.
Constitución Política de los Estados Unidos Mexicanos. D.O.F. 5 febrero 1917 y sus reformas y adiciones.
Constitución Política del Estado Libre y Soberano de Jalisco.
Ley de Transparencia y Acceso a la Información Pública del Estado de Jalisco y sus Municipios.
Ley del Gobierno y la Administración Pública Municipal del Estado de Jalisco.
Ley de Planeación del Estado de Jalisco y sus Municipios.
Ley para los Servidores Públicos del Estado de Jalisco y sus Municipios.
Ley General de los Derechos de Niñas, Niños y Adolescentes (LGDNNA).
Ley de los Derechos de Niñas, Niños y Adolescentes en el Estado de Jalisco.
Reglamento de la Ley de Planeación para el Estado de Jalisco y sus Municipios.
Reglamento de la Administración Pública Municipal de {TOWN}.
Primero. El presente Manual de Servicios entrará en vigor al día siguiente de su publicación.
Segundo. La publicación del presente Manual de Servicios se realizará el mismo día de su autorización en la página web del Municipio.
PRESIDENTA MUNICIPAL
DIRECTORA DE INNOVACIÓN GUBERNAMENTAL
"""  # noqa: E501


def flat(text: str) -> str:
    # A line of a PDF ends anywhere, also after a slash.
    return re.sub(r"\s+", "", text).casefold()
